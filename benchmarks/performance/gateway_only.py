"""What is measured of the gateway only: its own answers, its workers, and readers that do not read."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.performance import processes
from benchmarks.performance.house import House
from benchmarks.performance.loading import all_right, load, run
from benchmarks.performance.measures import Figures, Pace, burst
from benchmarks.performance.servers import Server, gateway
from benchmarks.performance.upstream import Shape
from devtools.waiting import until

FILLING_SECONDS = 20
"""How long the buffers of a hundred connections may take to be full."""


def models(house: House, server: Server, _pace: Pace) -> Figures:
    """CPU of `/v1/models`, asked one after the other."""
    count, before = 1_000, processes.cpu_seconds(server.pid)
    found = all_right(run(house, server, None, ["-n", str(count), "-p"], path="v1/models"))
    return {
        "models_ms": (processes.cpu_seconds(server.pid) - before) / count * 1e3,
        "models_wait_ms": found.whole.p50 / 1e3,
    }


def slow_readers(house: House, server: Server, _pace: Pace) -> Figures:
    """What 100 clients that read nothing of an endless, fast answer cost, and what the upstream could send to each.

    `slow_later_kb` is what it could still send in a second when the buffers on the way were full.
    """
    clients, shape = 100, Shape(1_000_000, 0, 8_000)
    all_right(run(house, server, Shape(10), ["-c", "8", "-n", "64", "-e", "10"]))
    rest, sent = processes.largest_bytes(server.pid), _sent(house)
    with load(house, server, shape, ["-c", str(clients), "-s", "120"], seconds=120):
        until(lambda: house.upstream.figures()["streams_open"] >= clients, seconds=60, what="all streams run")
        later = after_filling(lambda: _sent(house) - sent)
        taken, full = _sent(house), processes.largest_bytes(server.pid)
    return {
        "slow_kb": (full - rest) / clients / 1e3,
        "slow_taken_kb": (taken - sent) / clients / 1e3,
        "slow_later_kb": later / clients / 1e3,
    }


def after_filling(sent: Callable[[], int], sleep: Callable[[float], object] = time.sleep) -> int:
    """How many bytes go out in a second when that is hardly more than nothing of all that were `sent`, or at last."""
    found = 0
    for _ in range(FILLING_SECONDS):
        before = sent()
        sleep(1)
        found = sent() - before
        if found < before / 1_000:
            break
    return found


def _sent(house: House) -> int:
    return house.upstream.figures()["bytes"]


def two_workers(house: House, server: Server, pace: Pace) -> Figures:
    """Throughput and CPU of two workers against the one of `server`.

    The load and the upstream need a processor too: on two, two workers cannot have twice the requests.
    What they should not do is to need more CPU each, beyond what sharing processors costs.
    """
    one = burst(house, server, pace)
    with gateway(house, workers=2) as servers:
        two = burst(house, servers["kimi"], pace)
    return {
        "two_workers_times": two["requests_per_second"] / one["requests_per_second"],
        "two_workers_cpu": two["request_ms"] / one["request_ms"],
    }
