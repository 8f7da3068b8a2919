"""What a request asks of Redis: how often it goes there, and with which commands."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from benchmarks.performance.calm import settle
from benchmarks.performance.house import House
from benchmarks.performance.loading import all_right, run
from benchmarks.performance.measures import Figures, Pace
from benchmarks.performance.servers import Server
from benchmarks.performance.upstream import Shape

REQUESTS = 400
IDLE_SECONDS = 4.0
_SILENCE = 0.3
_LINE = re.compile(rb'\+[\d.]+ \[\d+ (?P<who>[^\]]+)\] "(?P<command>[^"]+)"')


@dataclass(frozen=True, slots=True)
class Use:
    """What was asked of Redis in a time. A read is one round trip, however many commands came in it."""

    seconds: float
    reads: float
    commands: Counter[str]


def redis_use(house: House, server: Server, _pace: Pace) -> Figures:
    """Round trips of a request until its answer is complete, and until its chat is deleted; one request at a time.

    What gateway and refresher ask when nothing happens is taken off.
    """
    settle(house)
    with Watch(house) as idle:
        time.sleep(IDLE_SECONDS)
    with Watch(house) as answering:
        all_right(run(house, server, Shape(10), ["-n", str(REQUESTS), "-c", "1", "-e", "10"]))
    with Watch(house) as deleting:
        settle(house)
    answered, deleted = _a_request(answering.use, idle.use), _a_request(deleting.use, idle.use)
    commands = {f"redis:{name}": calls / REQUESTS for name, calls in answering.use.commands.items()}
    return {
        "round_trips": answered,
        "deletion_round_trips": deleted,
        **{name: calls for name, calls in commands.items() if calls >= 0.5},
    }


def _a_request(use: Use, idle: Use) -> float:
    return (use.reads - idle.reads / idle.seconds * use.seconds) / REQUESTS


class Watch:
    """Looks at Redis while the block runs; `use` is there behind it."""

    use: Use

    def __init__(self, house: House) -> None:
        self._redis = house.redis()
        self._host, _, port = house.redis_url.rpartition("//")[2].partition("/")[0].partition(":")
        self._port = int(port)

    def __enter__(self) -> Self:
        self._monitor = socket.create_connection((self._host, self._port))
        self._monitor.sendall(b"MONITOR\r\n")
        self._monitor.settimeout(_SILENCE)
        self._started, self._reads = time.monotonic(), self._all_reads()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, reads = time.monotonic() - self._started, self._all_reads() - self._reads - 1  # our own question
        self.use = Use(seconds, reads, commands(self._said()))
        self._monitor.close()
        self._redis.close()

    def _all_reads(self) -> int:
        return int(self._redis.info("stats")["total_reads_processed"])

    def _said(self) -> Iterable[bytes]:
        said = bytearray()
        with suppress(TimeoutError):
            while piece := self._monitor.recv(1_048_576):
                said += piece
        return bytes(said).split(b"\r\n")


def commands(lines: Iterable[bytes]) -> Counter[str]:
    """How often clients sent which command, by the lines of MONITOR: those inside scripts are no round trips."""
    found = filter(None, map(_LINE.match, lines))
    return Counter(line["command"].decode().upper() for line in found if line["who"] != b"lua")
