"""What a call to Redis costs: the pool's scripts from a process like a gateway's worker, against a Valkey of its own.

    .venv/bin/python -m benchmarks.redis_calls
    .venv/bin/python -m benchmarks.redis_calls --accounts 8 150 1000 --calls 3000

For each number of accounts: CPU of this process a call, and of Valkey a script. Compare ratios, and pin the process
(`taskset -c 0`) on a machine that does other things. `redis-py` is the same script called in its own way.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402 - as in a worker, everything else comes after the patching
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

from benchmarks.server import own_server  # noqa: E402
from gateway.breaker import Breaker  # noqa: E402
from gateway.waiting import WaitingRoom  # noqa: E402
from kimi.pool import Leases, Store, connect  # noqa: E402
from kimi.pool.fuse import Fuse  # noqa: E402
from tests.kimi.pool.pools import KIMI, Clock, Pool, web  # noqa: E402


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accounts", type=int, nargs="+", default=[8, 150, 1000])
    options.add_argument("--calls", type=int, default=2000)
    options.add_argument("--at-once", type=int, nargs="+", default=[1, 20], help="greenlets that call")
    given = options.parse_args()
    print("| accounts | at once | what | CPU here, µs | Valkey's, µs |")
    print("| ---: | ---: | --- | ---: | ---: |")
    for accounts in given.accounts:
        with own_server() as server:
            measure(server.url, accounts, given.calls, given.at_once)


def measure(url: str, accounts: int, calls: int, at_once: list[int]) -> None:
    """One row a way of calling."""
    with connect(url) as client, connect(url, timeout=0.5) as plain:
        Pool(Store(client), Clock(time.time())).fill(*(web(f"a{n}", max_concurrency=100) for n in range(accounts)))
        store = Store(plain, fuse=Fuse())
        leases = Leases(store, worker="w")
        room = WaitingRoom(leases, 10.0, "w", Breaker(time.monotonic))
        ways: dict[str, Callable[[], Any]] = {
            "redis-py: leave": lambda: store.script("leave")(*store.arguments("w.1")),
            "leave": lambda: leases.leave("w.1"),
            "acquire and release": lambda: leases.release(leases.acquire(KIMI)),
            "acquire in the waiting room, and release": lambda: leases.release(room.acquire(KIMI)),
        }
        for greenlets in at_once:
            for name, way in ways.items():
                way()
                client.config_resetstat()
                began = time.process_time()
                gevent.joinall([gevent.spawn(repeat, way, calls // greenlets) for _ in range(greenlets)])
                spent = time.process_time() - began
                asked = client.info("commandstats")["cmdstat_evalsha"]
                here = spent / asked["calls"] * 1e6
                print(f"| {accounts} | {greenlets} | {name} | {here:.0f} | {asked['usec_per_call']:.0f} |", flush=True)


def repeat(way: Callable[[], Any], times: int) -> None:
    """Does it so many times."""
    for _ in range(times):
        way()


if __name__ == "__main__":
    main()
