"""The processes of a played fleet: they fill the pool, and play a small fleet in real time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gevent

from benchmarks.fleet.costs import Cost, Reading, cost_of
from benchmarks.fleet.mix import KINDS, Fleet
from devtools.waiting import until
from kimi.pool import Store
from kimi.pool.client_terms import ClientLimits
from kimi.pool.clients import Clients
from kimi.pool.sealers import Sealers

_PARTS: Final = 2
WORKERS: Final = 20
"""That each part plays."""
LIGHT: Final = 20.0
HEAVY: Final = 120.0
"""Requests a second of each part."""
_REFRESHES: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A small fleet that was played, and the share of the thread that it took."""

    seconds: float
    workers: int
    requests: float
    predicted: float
    asleep: float  # beside that: what it takes to wake up for single commands
    measured: float
    connections: float  # of a worker


def fill(client: Any, url: str, fleet: Fleet) -> None:
    """Accounts, processes that were seen of late, and a lease for each request that is under way."""
    client.config_set("appendonly", "no")  # nobody waits for the disk meanwhile
    Clients(Store(client)).create("limited", ClientLimits(requests_per_minute=100_000, tokens_per_day=10**12))
    accounts = int(fleet.accounts)
    step = -(-accounts // _PARTS)
    _ended([_start("fill", url, first=at, last=min(at + step, accounts)) for at in range(0, accounts, step)])
    held = int(min(fleet.leases * fleet.seconds, accounts / 2) / _PARTS)
    _ended([_start("hold", url, worker=f"held{part}", leases=held) for part in range(_PARTS)])
    for number in range(int(fleet.processes)):
        Sealers(Store(client), f"gateway host-{number}").beat()
    client.config_set("appendonly", "yes")
    until(lambda: _is_written(client), what="the accounts are on disk", seconds=120)


def play(client: Any, url: str, task: Mapping[str, float], costs: Mapping[str, Cost]) -> Check:
    """A small fleet over the same pool, and what its load should be by these `costs`.

    `task` holds for how many `seconds`, over how many `accounts`, and how many `requests` a second of each part.
    """
    before = client.info("clients")["connected_clients"]
    shape = {"workers": WORKERS, "refreshes": _REFRESHES, **task}
    parts = [_start("play", url, part=part, **shape) for part in range(_PARTS)]
    _heard(parts, "ready")
    for part in parts:
        assert part.stdin
        part.stdin.write("\n")
        part.stdin.flush()
    began, read, wakes = time.monotonic(), Reading.of(client), _wakes(client)
    _heard(parts, "over")
    spent, lasted = Reading.of(client).thread - read.thread, time.monotonic() - began
    wakes = _wakes(client) - wakes
    connections = client.info("clients")["connected_clients"] - before
    done = sum((Counter[str](counted) for counted in _ended(parts)), Counter[str]())
    workers = _PARTS * WORKERS
    asleep = _woken(client, wakes / lasted).thread * wakes / 1e6
    return Check(
        seconds=lasted,
        workers=workers,
        requests=done["request"] / lasted,
        predicted=_predicted(done, workers, costs) / lasted,
        asleep=asleep / lasted,
        measured=spent / lasted,
        connections=connections / workers,
    )


def _predicted(done: Mapping[str, int], workers: int, costs: Mapping[str, Cost]) -> float:
    """Seconds of the thread for what was done."""
    requests, deliveries = done["request"], done["deliver"]
    times = {
        **done,
        **dict.fromkeys(("lease", "limit", "find"), requests),
        "note": 2 * requests,
        "told": workers * done["refresh"],
        "deliver": min(requests, deliveries),
        "counted": max(0, requests - deliveries),
    }
    return sum(times.get(kind.key, 0) * costs[kind.key].thread for kind in KINDS) / 1e6


def _wakes(client: Any) -> int:
    """How often Valkey has read from a connection so far."""
    return int(client.info("stats")["total_reads_processed"])


def _woken(client: Any, rate: float) -> Cost:
    """How much dearer a small write is for a Valkey that is asked so many times a second, and sleeps in between."""

    def write(_: int) -> None:
        client.set("fleet", "", px=1000)

    def write_and_wait(number: int) -> None:
        write(number)
        gevent.sleep(1 / rate)

    return cost_of(client, write_and_wait, int(2 * rate)).less(cost_of(client, write, 2_000, at_once=20))


def _is_written(client: Any) -> bool:
    told = client.info("persistence")
    return not (told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"])


def _start(job: str, url: str, **words: object) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "benchmarks.fleet.process", json.dumps({"job": job, "url": url, **words})]
    return subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _heard(parts: Iterable[subprocess.Popen[str]], word: str) -> None:
    for part in parts:
        assert part.stdout
        if part.stdout.readline().strip() != word:
            raise RuntimeError(f"a part of the fleet has ended with {part.wait()}")


def _ended(parts: Sequence[subprocess.Popen[str]]) -> list[Any]:
    """What they print at their end."""
    told = []
    for part in parts:
        text, _ = part.communicate()
        if part.returncode:
            raise RuntimeError(f"a part of the fleet has ended with {part.returncode}")
        told.append(json.loads(text.splitlines()[-1]))
    return told
