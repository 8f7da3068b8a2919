"""Where the next limit of a fleet lies: what a thousand gateways and a hundred thousand accounts ask of one Redis.

    .venv/bin/python -m benchmarks.fleet
    .venv/bin/python -m benchmarks.fleet --gateways 100 --accounts 10000 --leases 1000 --json

Two cores cannot play a thousand gateways. So the pool is made as large as it would be, in a Valkey of its own that
writes to disk once a second; each kind of work that gateways and refreshers do is done some hundred times by their real
parts; and what one costs the thread of Valkey is multiplied with how often the fleet does it. As a check a small fleet
is played in real time by two processes, and the load that this predicts is held beside the one that is measured.
Valkey has a processor for itself meanwhile.
Ends by itself within a few minutes. Nothing else should run meanwhile.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402 - as in a worker, everything else comes after the patching
import json  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from dataclasses import asdict, dataclass  # noqa: E402
from typing import Any, Final  # noqa: E402

from benchmarks.ending import run  # noqa: E402
from benchmarks.fleet.costs import Cost  # noqa: E402
from benchmarks.fleet.measuring import AT_ONCE, Bench  # noqa: E402
from benchmarks.fleet.mix import KINDS, Fleet, limit_of, load  # noqa: E402
from benchmarks.fleet.playing import HEAVY, LIGHT, Check, fill, play  # noqa: E402
from benchmarks.server import described, own_server  # noqa: E402
from kimi.pool import Store, connect  # noqa: E402
from kimi.pool.clients import Clients  # noqa: E402
from tests.valkey import Valkey  # noqa: E402

LEAST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Costs by the keys of `KINDS`, and what it costs that happens `once`."""

    costs: Mapping[str, Cost]
    once: Mapping[str, Cost]
    checks: Sequence[Check]


def main() -> int:
    """Measure, and print a table or JSON; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gateways", type=int, default=1_000)
    options.add_argument("--workers", type=int, default=2, help="of each gateway")
    options.add_argument("--accounts", type=int, default=100_000)
    options.add_argument("--leases", type=float, default=1_000.0, help="requests a second of the whole fleet")
    options.add_argument("--seconds", type=float, default=20.0, help="that a request takes")
    options.add_argument("--check-seconds", type=float, default=15.0, help="for which a small fleet is played; 0: none")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    if given.accounts < LEAST:
        options.error(f"--accounts has to be {LEAST} at the least: requests are played besides those under way")
    fleet = Fleet(
        gateways=given.gateways,
        workers=given.workers,
        accounts=given.accounts,
        leases=given.leases,
        seconds=given.seconds,
    )
    with own_server() as server:
        found = measure(server, fleet, given.check_seconds)
    print(json.dumps(_as_json(fleet, found), indent=1) if given.json else "\n".join(_as_text(fleet, found)))
    return 0


def measure(server: Valkey, fleet: Fleet, seconds: float) -> Measured:
    """Fills that Valkey, measures each kind of work, and plays for so many seconds."""
    url = server.url
    with connect(url, timeout=60, connections=AT_ONCE) as client:
        _say(described(server, client))
        _say("filling the pool")
        fill(client, url, fleet)
        _part_cores(server)
        _say("measuring")
        bench = Bench(client, Clients(Store(client)).all()[0])
        once, costs = bench.begin(), bench.costs()
        checks = []
        for requests in (LIGHT, HEAVY) if seconds else ():
            _say("playing")
            task = {"seconds": seconds, "accounts": int(fleet.accounts), "requests": requests}
            checks.append(play(client, url, task, costs))
    return Measured(costs, once, checks)


def _part_cores(server: Valkey) -> None:
    """Valkey has one of the processors for itself from now on, where there are two."""
    assert server.process
    first, *others = sorted(os.sched_getaffinity(0))
    if others:
        os.sched_setaffinity(server.process.pid, {first})
        os.sched_setaffinity(0, others)


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _as_json(fleet: Fleet, found: Measured) -> dict[str, Any]:
    costs = found.costs
    return {
        "fleet": asdict(fleet),
        "kinds": {kind.key: {"rate": kind.rate(fleet), **asdict(costs[kind.key])} for kind in KINDS},
        "load": load(fleet, costs),
        "limits": {of: _number(limit_of(fleet, costs, of)) for of in ("gateways", "accounts", "leases")},
        "without": asdict(costs["without"]),
        "once": {what: asdict(cost) for what, cost in found.once.items()},
        "checks": [asdict(check) for check in found.checks],
    }


def _number(limit: float | None) -> float | None:
    """JSON has no infinite one: the thread is never full of it. 0 is where it is full of something else already."""
    return 0.0 if limit is None else None if limit == math.inf else limit


def _as_text(fleet: Fleet, found: Measured) -> list[str]:
    rows = [
        "| what | times a second | µs of the thread each | share of the thread | sent, MB/s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for kind in sorted(KINDS, key=lambda kind: -kind.rate(fleet) * found.costs[kind.key].thread):
        rate, cost = kind.rate(fleet), found.costs[kind.key]
        rows.append(
            f"| {kind.text} | {rate:,.0f} | {cost.thread:.1f} |"
            f" {rate * cost.thread / 1e4:.1f} % | {rate * cost.sent / 1e6:.2f} |"
        )
    sent = sum(kind.rate(fleet) * found.costs[kind.key].sent for kind in KINDS) / 1e6
    rows.append(f"| together | | | {load(fleet, found.costs):.1%} | {sent:.2f} |")
    rows += ["", "| once | ms of the thread | sent, MB |", "| --- | ---: | ---: |"]
    rows += [f"| {what} | {cost.thread / 1e3:.2f} | {cost.sent / 1e6:.2f} |" for what, cost in found.once.items()]
    rows += ["", *_limits(fleet, found.costs), "", _without(fleet, found.costs["without"])]
    return rows + (["", *_checked(*found.checks)] if found.checks else [])


def _without(fleet: Fleet, cost: Cost) -> str:
    times = fleet.processes * fleet.changes
    return (
        f"If each worker were told of all accounts that change, that would be {cost.thread:.1f} µs each,"
        f" {times * cost.thread / 1e6:.0%} of the thread, and {times * cost.sent / 1e6:.0f} MB/s."
    )


def _limits(fleet: Fleet, costs: Mapping[str, Cost]) -> list[str]:
    lines = []
    for of, what in (("leases", "requests a second"), ("gateways", "gateways"), ("accounts", "accounts")):
        limit = limit_of(fleet, costs, of)
        told = "however few there are" if limit is None else "never" if limit == math.inf else f"at {limit:,.0f}"
        lines.append(f"- {what}: the thread is full {told}, all else as it is.")
    return lines


def _checked(*checks: Check) -> list[str]:
    first, last = checks[0], checks[-1]
    return [
        f"{first.workers} workers played in real time, with {last.connections:.1f} connections each beside the one on",
        "which they listen. A Valkey that has little to do sleeps between commands, and to wake up is work as well:",
        "how much dearer that makes a small write at such a pace is added for each command.",
        "",
        "| requests a second | predicted, the work | to wake up | together | measured |",
        "| ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {check.requests:.0f} | {check.predicted:.1%} | {check.asleep:.1%} |"
            f" {check.predicted + check.asleep:.1%} | {check.measured:.1%} |"
            for check in checks
        ),
    ]


if __name__ == "__main__":
    sys.exit(run(main))
