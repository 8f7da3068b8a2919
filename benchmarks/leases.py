"""What a lease costs, by the number of accounts: a curve, against a Valkey of its own on loopback.

    .venv/bin/python -m benchmarks.leases
    .venv/bin/python -m benchmarks.leases --accounts 10000 --refusing 0.5 --json leases.json

For each number of accounts: milliseconds in which one caller, a process like a gateway's worker, has a lease while
nobody else asks; leases a second, taken and given back, that several such processes get at once; Valkey's own time a
script, and that of its thread a lease, with reading and writing. A thread that is never idle gives `most/s`: more than
the callers get where they, and not Valkey, are at their limit.
With `--refusing` so much of the accounts refuse the model that is asked for.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402 - as in a worker, everything else comes after the patching
import json  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator, Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Final  # noqa: E402

import gevent  # noqa: E402

from benchmarks.ending import run  # noqa: E402
from benchmarks.server import described, own_server  # noqa: E402
from kimi.pool import Leases, Store, connect  # noqa: E402
from kimi.pool.fuse import Fuse  # noqa: E402
from tests.kimi.pool.filling import fill, refuse  # noqa: E402
from tests.kimi.pool.pools import KIMI  # noqa: E402

COLUMNS: Final = {
    "accounts": "accounts",
    "median_ms": "median, ms",
    "p95_ms": "p95, ms",
    "p99_ms": "p99, ms",
    "script_us": "Valkey a script, µs",
    "leases_per_second": "leases/s",
    "thread_us": "Valkey's thread a lease, µs",
    "most_per_second": "most/s",
    "filled_seconds": "filled in, s",
}
PATIENCE: Final = 10.0
"""Seconds for which they would wait, as requests do."""


def main() -> int:
    """Measure, and print a table; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accounts", type=int, nargs="+", default=[10, 100, 1_000, 10_000, 100_000])
    options.add_argument("--streams", type=int, default=1, help="that an account may have at a time")
    options.add_argument("--models", type=int, default=0, help="that an account lists; each is an index more to keep")
    options.add_argument("--refusing", type=float, default=0.0, help="share of the accounts that refuse the model")
    options.add_argument("--leases", type=int, default=3_000, help="that the quiet caller takes")
    others = max(1, (os.cpu_count() or 2) - 1)  # a core is Valkey's
    options.add_argument("--callers", type=int, default=others, help="processes that ask at once")
    options.add_argument("--at-once", type=int, default=16, help="requests of each of them at once")
    options.add_argument("--seconds", type=float, default=3.0, help="for which they ask")
    options.add_argument("--json", type=Path, help="where the figures are written besides")
    options.add_argument("--call", metavar="URL", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.call:
        print(calls(given.call, given.at_once, given.seconds))
        return 0
    with own_server() as server, connect(server.url) as client:
        print(f"{described(server, client)}\n")
    print(f"| {' | '.join(COLUMNS.values())} |\n|{' ---: |' * len(COLUMNS)}")
    rows = []
    for accounts in given.accounts:
        rows.append(measure(accounts, given))
        print(f"| {' | '.join(f'{rows[-1][column]:,}' for column in COLUMNS)} |", flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return 0


def measure(accounts: int, given: argparse.Namespace) -> Mapping[str, float]:
    """One row of the table."""
    with own_server() as server, connect(server.url, timeout=60) as client:
        client.config_set("appendonly", "no")  # until they are in
        began = time.monotonic()
        names = fill(client, accounts, given.streams, given.models)
        filled = time.monotonic() - began
        refuse(client, names[: int(accounts * given.refusing)], KIMI.model)
        client.config_set("appendonly", "yes")
        while client.info("persistence")["aof_rewrite_in_progress"]:
            gevent.sleep(0.05)
        client.config_resetstat()
        quiet = sorted(latencies(server.url, given.leases))
        script = client.info("commandstats")["cmdstat_evalsha"]["usec_per_call"]
        at_once = max(1, min(given.at_once, accounts * given.streams // given.callers))
        thread = used(client)
        leases = asked(server.url, given.callers, at_once, given.seconds)
        thread_us = (used(client) - thread) / leases * 1e6
    percentiles = statistics.quantiles(quiet, n=100)
    return {
        "accounts": accounts,
        "median_ms": round(percentiles[49] * 1e3, 3),
        "p95_ms": round(percentiles[94] * 1e3, 3),
        "p99_ms": round(percentiles[98] * 1e3, 3),
        "script_us": round(script, 1),
        "leases_per_second": round(leases / given.seconds),
        "thread_us": round(thread_us, 1),
        "most_per_second": round(1e6 / thread_us),
        "filled_seconds": round(filled, 1),
    }


def used(client: Any) -> float:
    """CPU seconds of Valkey's thread so far."""
    cpu = client.info("cpu")
    return float(cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"])


def latencies(url: str, times: int) -> Iterator[float]:
    """Seconds that each of so many leases has taken."""
    with connect(url, timeout=5) as client:
        leases = Leases(Store(client, fuse=Fuse()), worker="quiet")
        for number in range(times):
            began = time.perf_counter()
            lease = leases.acquire(KIMI, ticket=f"quiet.{number}", patience=PATIENCE)
            yield time.perf_counter() - began
            leases.release(lease, served=True, renewed=False)


def asked(url: str, callers: int, at_once: int, seconds: float) -> int:
    """How many leases so many processes have taken and given back."""
    command = [sys.executable, "-m", __spec__.name, "--call", url, "--at-once", f"{at_once}", "--seconds", f"{seconds}"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(callers)]
    return sum(int(caller.communicate()[0]) for caller in running)


def calls(url: str, at_once: int, seconds: float) -> int:
    """As one of those processes: how many leases it has taken and given back."""
    with connect(url, timeout=5) as client:
        worker = f"caller{os.getpid()}"
        leases = Leases(Store(client, fuse=Fuse()), worker=worker)
        until = time.monotonic() + seconds

        def turns(caller: int) -> int:
            taken = 0
            while time.monotonic() < until:
                lease = leases.acquire(KIMI, ticket=f"{worker}.{caller}", patience=PATIENCE)
                leases.release(lease, served=True, renewed=False)
                taken += 1
            return taken

        callers = [gevent.spawn(turns, caller) for caller in range(at_once)]
        return sum(caller.get() for caller in gevent.joinall(callers, raise_error=True))


if __name__ == "__main__":
    sys.exit(run(main))
