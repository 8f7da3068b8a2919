"""A million requests, one burst after the other, and whether worker, refresher or Redis grow meanwhile.

    .venv/bin/python -m benchmarks.million
    .venv/bin/python -m benchmarks.million --requests 30000 --slices 6

Streamed requests of ten events, 32 at a time, of all three kinds of accounts in turn; a row a slice, taken when the
chats of its requests are deleted. Exits with 1 when a request failed or something grew. Linux, with a C compiler.
Log files are emptied after each slice.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.building import NotBuilt, build
from benchmarks.growth import FEWEST, Growth
from benchmarks.performance import processes
from benchmarks.performance.calm import settle
from benchmarks.performance.house import ROOT, House, house
from benchmarks.performance.loading import Load, LoadFailed, load
from benchmarks.performance.servers import Server, gateway
from benchmarks.performance.upstream import Shape

CLIENTS = 32
SLOWEST = 100
"""Requests a second, below which a slice is given up."""
LEAST = {"MB": 2.0, "fds": 16.0, "keys": 100.0}
"""How much more is growth, by the unit that stands at the end of a column's name."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was there after a slice. A name is a column's title; the figures behind `rate` must not grow."""

    requests: int
    failed: int
    rate: float
    worker_rss_MB: float  # noqa: N815 - the unit is part of the title
    worker_pss_MB: float  # noqa: N815
    refresher_rss_MB: float  # noqa: N815
    refresher_pss_MB: float  # noqa: N815
    redis_MB: float  # noqa: N815
    worker_fds: int
    refresher_fds: int
    redis_lasting_keys: int
    """Those that do not expire."""


COLUMNS = tuple(field.name for field in fields(Row))
WATCHED = COLUMNS[3:]


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--requests", type=int, default=1_000_000)
    options.add_argument("--slices", type=int, default=20, help=f"at least {FEWEST}")
    options.add_argument("--tree", type=Path, default=ROOT, help="a checkout whose gateway is asked, not this one's")
    given = options.parse_args()
    if given.slices < FEWEST:
        options.error(f"--slices: at least {FEWEST}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        programs = build()
        with (
            tempfile.TemporaryDirectory() as folder,
            house(Path(folder), programs, count=16, streams=200, tree=given.tree.resolve()) as home,
            gateway(home) as servers,
        ):
            rows = burn(home, list(servers.values()), given.requests, given.slices)
    except (NotBuilt, LoadFailed) as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    found = judge(rows)
    print("\n" + ("\n".join(found) or "no request failed, nothing grew"))
    return 1 if found else 0


def burn(home: House, servers: Sequence[Server], requests: int, slices: int) -> list[Row]:
    """All requests; prints a row a slice. Raises `LoadFailed` when the gateway does not get on any more."""
    print(f"| {' | '.join(name.replace('_', ' ') for name in COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    rows: list[Row] = []
    each = max(1, requests // slices // len(servers))
    failed = 0
    for number in range(slices):
        begun = time.monotonic()
        for server in servers:
            failed += _ask(home, server, each)
        seconds = time.monotonic() - begun
        settle(home)
        done = each * len(servers)
        rows.append(_row(home, servers[0], done * (number + 1), failed, done / seconds))
        print(f"| {' | '.join(_shown(getattr(rows[-1], name)) for name in COLUMNS)} |", flush=True)
        for log in home.folder.glob("*.log"):
            os.truncate(log, 0)
    return rows


def _ask(home: House, server: Server, requests: int) -> int:
    """How many of so many requests failed."""
    options = ["-c", str(CLIENTS), "-n", str(requests), "-e", "10"]
    with load(home, server, Shape(10), options, seconds=requests / SLOWEST) as running:
        return _failed(running)


def _failed(running: Load) -> int:
    result = running.result()
    if result.requests != result.right:
        print(f"failed: {dict(result.outcomes)}", file=sys.stderr)
    return result.requests - result.right


def _row(home: House, server: Server, requests: int, failed: int, rate: float) -> Row:
    worker, refresher = processes.largest(server.pid), processes.largest(home.refresher_pid)
    redis = home.redis()
    try:
        memory, keys = redis.info("memory")["used_memory"], redis.info("keyspace").get("db0", {"keys": 0, "expires": 0})
    finally:
        redis.close()
    return Row(
        requests,
        failed,
        rate,
        processes.largest_bytes(worker) / 1e6,
        processes.shared_out_bytes(worker) / 1e6,
        processes.largest_bytes(refresher) / 1e6,
        processes.shared_out_bytes(refresher) / 1e6,
        memory / 1e6,
        processes.descriptors(worker),
        processes.descriptors(refresher),
        keys["keys"] - keys["expires"],
    )


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def judge(rows: Sequence[Row]) -> list[str]:
    """What is wrong, a line each."""
    found = [f"{rows[-1].failed} requests failed"] if rows[-1].failed else []
    for name in WATCHED:
        growth = Growth.of([getattr(row, name) for row in rows])
        title, _, unit = name.rpartition("_")
        if growth.is_more_than(LEAST[unit]):
            found.append(f"{title.replace('_', ' ')} has grown from {growth.before:,.1f} to {growth.after:,.1f} {unit}")
    return found


if __name__ == "__main__":
    sys.exit(main())
