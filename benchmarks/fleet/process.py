"""One of the processes of `benchmarks.fleet`: fills the pool, or plays a part of the fleet for a while.

    python -m benchmarks.fleet.process '{"job": "fill", …}'

What it has done it prints as JSON.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 - as in a worker, everything else comes after the patching
import random  # noqa: E402
import sys  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from contextlib import ExitStack  # noqa: E402
from typing import Any, Final  # noqa: E402

import gevent  # noqa: E402
from gevent.pool import Pool as Greenlets  # noqa: E402

from benchmarks.fleet.mix import PING_SECONDS, PROBED_EVERY  # noqa: E402
from benchmarks.fleet.players import Refresher, Worker  # noqa: E402
from gateway.duties import TICK_SECONDS  # noqa: E402
from gateway.following import SECONDS  # noqa: E402
from kimi.pool import Store, connect  # noqa: E402
from kimi.pool.clients import Clients  # noqa: E402
from kimi.pool.schema import LOOK_SECONDS  # noqa: E402

AT_ONCE: Final = 20


def fill(url: str, first: int, last: int) -> Mapping[str, int]:
    """Brings accounts `first` to `last` into the pool."""
    with connect(url, timeout=30, connections=AT_ONCE) as client:
        refresher = Refresher(client)
        greenlets = [gevent.spawn(refresher.enter, range(first + at, last, AT_ONCE)) for at in range(AT_ONCE)]
        gevent.joinall(greenlets, raise_error=True)
    return {"accounts": last - first}


def hold(url: str, worker: str, leases: int) -> Mapping[str, int]:
    """Takes so many leases, which nobody gives back."""
    with connect(url, timeout=30, connections=AT_ONCE) as client:
        part = Worker(client, worker, Clients(Store(client)).all()[0])
        greenlets = Greenlets(AT_ONCE)
        for _ in range(leases):
            greenlets.spawn(part.lease)
        greenlets.join(raise_error=True)
    return {"leases": leases}


def play(url: str, part: int, *, workers: int, seconds: float, requests: float, refreshes: float, accounts: int) -> Any:
    """Workers and a refresher at their real periods; how often each kind of work was done within `seconds`."""
    done = Counter[str]()
    with ExitStack() as clients:
        client = clients.enter_context(connect(url, timeout=10, connections=100))
        key = Clients(Store(client)).all()[0]
        own = [clients.enter_context(connect(url, timeout=10)) for _ in range(workers)]
        fleet = [Worker(each, f"part{part}worker{number}", key) for number, each in enumerate(own)]
        refresher = Refresher(client)
        for worker in fleet:
            worker.mirror.refresh()
            worker.keys.refresh()
        print("ready", flush=True)
        sys.stdin.readline()
        done.clear()
        greenlets = Greenlets()

        def every(period: float, what: str, do: Callable[[], object]) -> None:
            gevent.sleep(random.uniform(0, period))
            while True:
                do()
                done[what] += 1
                gevent.sleep(period)

        def at_random(rate: float, what: str, do: Callable[[], object]) -> None:
            while True:
                gevent.sleep(random.expovariate(rate))
                greenlets.spawn(do)
                done[what] += 1

        beside = []
        for worker in fleet:
            for period, what, do in (
                (worker.mirror.seconds, "look", worker.mirror.refresh),
                (SECONDS, "keys", worker.look_at_keys),
                (PING_SECONDS, "ping", worker.ping),
                (TICK_SECONDS, "deliver", worker.deliver),
                (LOOK_SECONDS, "around", worker.look_around),
                (2 * PROBED_EVERY, "ready", worker.is_ready),  # of two workers one is probed
            ):
                beside.append(gevent.spawn(every, period, what, do))
        beside.append(gevent.spawn(at_random, requests, "request", lambda: random.choice(fleet).request(1.0)))
        mine = random.Random(part)
        beside.append(
            gevent.spawn(at_random, refreshes, "refresh", lambda: refresher.refresh(mine.randrange(accounts)))
        )
        gevent.sleep(seconds)
        counted = dict(done)
        print("over", flush=True)
        gevent.killall(beside)
        greenlets.kill()
    return counted


def main() -> int:
    """Does what it is told to; the exit code."""
    given = json.loads(sys.argv[1])
    jobs: Mapping[str, Callable[..., Any]] = {"fill": fill, "hold": hold, "play": play}
    print(json.dumps(jobs[given.pop("job")](**given)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
