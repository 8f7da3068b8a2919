"""What is measured of the gateway only: its own answers, its workers, and readers that do not read."""

from __future__ import annotations

import time

from benchmarks.performance import processes
from benchmarks.performance.house import House
from benchmarks.performance.loading import load, run
from benchmarks.performance.measures import Figures, Pace, burst
from benchmarks.performance.servers import Server, gateway
from benchmarks.performance.upstream import Shape
from devtools.waiting import until


def models(house: House, server: Server, _pace: Pace) -> Figures:
    """CPU of `/v1/models`, asked one after the other."""
    count, before = 1_000, processes.cpu_seconds(server.pid)
    found = run(house, server, None, ["-n", str(count), "-p"], path="v1/models")
    return {
        "models_ms": (processes.cpu_seconds(server.pid) - before) / count * 1e3,
        "models_wait_ms": found.whole.p50 / 1e3,
    }


def slow_readers(house: House, server: Server, pace: Pace) -> Figures:
    """What 100 clients that read nothing of a long, fast answer cost, and what the upstream could send to each.

    `slow_later_kb` is what it could still send in a second of that, after two or more.
    """
    clients, seconds, shape = 100, pace.window + 3, Shape(1_000_000, 0, 1_000)
    run(house, server, Shape(10), ["-c", "8", "-n", "64"])
    rest, sent = processes.largest_bytes(server.pid), house.upstream.figures()["bytes"]
    options = ["-c", str(clients), "-s", str(seconds)]
    with load(house, server, shape, options, seconds=seconds) as running:
        until(lambda: house.upstream.figures()["streams_open"] >= clients, what="all streams run")
        time.sleep(pace.window)
        full, taken = processes.largest_bytes(server.pid), house.upstream.figures()["bytes"]
        time.sleep(1)
        later = house.upstream.figures()["bytes"]
        running.result()
    return {
        "slow_kb": (full - rest) / clients / 1e3,
        "slow_taken_kb": (taken - sent) / clients / 1e3,
        "slow_later_kb": (later - taken) / clients / 1e3,
    }


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
