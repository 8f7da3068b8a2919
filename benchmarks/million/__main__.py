"""A million requests, one burst after the other, and whether worker, refresher or Redis grow meanwhile.

    .venv/bin/python -m benchmarks.million
    .venv/bin/python -m benchmarks.million --requests 30000 --slices 6

Streamed requests of ten events, 32 at a time, of all three kinds of accounts in turn; a row a slice, taken when the
chats of its requests are deleted. Exits with 1 when a request failed or something grew. Linux, with a C compiler.
Log files are emptied after each slice. `--write` writes `docs/million.md`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.building import build
from benchmarks.ending import run
from benchmarks.million.growth import FEWEST
from benchmarks.million.rows import HEAD, Row, cells, judge, render, said
from benchmarks.performance import machine, processes
from benchmarks.performance.calm import settle
from benchmarks.performance.house import ROOT, House, house
from benchmarks.performance.loading import Load, load
from benchmarks.performance.servers import Server, gateway
from benchmarks.performance.tables import markdown
from benchmarks.performance.upstream import Shape

CLIENTS = 32
SLOWEST = 100
"""Requests a second, below which a slice is given up."""
PAGE = ROOT / "docs" / "million.md"


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--requests", type=int, default=1_000_000)
    options.add_argument("--slices", type=int, default=20, help=f"at least {FEWEST}")
    options.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    options.add_argument("--tree", type=Path, default=ROOT, help="a checkout whose gateway is asked, not this one's")
    given = options.parse_args()
    if given.slices < FEWEST:
        options.error(f"--slices: at least {FEWEST}")
    programs = build()
    with (
        tempfile.TemporaryDirectory() as folder,
        house(Path(folder), programs, tree=given.tree) as home,
        gateway(home) as servers,
    ):
        rows = burn(home, list(servers.values()), given.requests, given.slices)
    found = judge(rows)
    print("\n" + said(found))
    if given.write:
        PAGE.write_text(render(rows, found, machine.describe(None)), "utf-8")
    return 1 if found else 0


def burn(home: House, servers: Sequence[Server], requests: int, slices: int) -> list[Row]:
    """All requests; prints a row a slice. Raises `LoadFailed` when the gateway does not get on any more."""
    print(markdown([HEAD]))
    rows: list[Row] = []
    each = math.ceil(requests / slices / len(servers))
    failed = 0
    for number in range(slices):
        begun = time.monotonic()
        for server in servers:
            failed += _ask(home, server, each)
        seconds = time.monotonic() - begun
        settle(home)
        done = each * len(servers)
        rows.append(_row(home, servers[0], done * (number + 1), failed, done / seconds))
        print(markdown([HEAD, cells(rows[-1])]).rpartition("\n")[2], flush=True)
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
    worker, refresher = processes.worker(server.pid), home.refresher_pid
    redis = home.redis()
    try:
        memory, keys = redis.info("memory")["used_memory"], redis.info("keyspace").get("db0", {"keys": 0, "expires": 0})
    finally:
        redis.close()
    return Row(
        requests,
        failed,
        rate,
        processes.resident_bytes(worker) / 1e6,
        processes.shared_out_bytes(worker) / 1e6,
        processes.resident_bytes(refresher) / 1e6,
        processes.shared_out_bytes(refresher) / 1e6,
        memory / 1e6,
        processes.descriptors(worker),
        processes.descriptors(refresher),
        keys["keys"] - keys["expires"],
    )


if __name__ == "__main__":
    sys.exit(run(main))
