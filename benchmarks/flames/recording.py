"""A worker under load, and py-spy that looks at it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.ending import Unmeasured
from benchmarks.flames.stacks import Stack, read, source_lines, weighed
from benchmarks.performance import cores, processes
from benchmarks.performance.house import House
from benchmarks.performance.loading import Load, load
from benchmarks.performance.moments import Moment, foreign, moment
from benchmarks.performance.servers import Server
from benchmarks.performance.upstream import Shape
from devtools.waiting import until

RATE: Final = 400
"""Samples a second. At each the worker is stopped for a moment."""
_STREAMS: Final = 150
_FIRST_CHATS_SECONDS: Final = 4.0
"""Longer than the chat of a first question stays."""


class NotRecorded(Unmeasured):
    """There is no py-spy, or it may not look; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The share of each stack in the time, by so many samples.

    `cost_us` is the CPU of one event or request, measured just before, while nobody looked; `foreign` is how many
    percent of the worker's processor others had meanwhile.
    """

    stacks: Mapping[Stack, float]
    samples: int
    cost_us: float
    foreign: float


def find_spy() -> str:
    """py-spy's program. Raises `NotRecorded`."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.is_file() else shutil.which("py-spy")
    if found is None:
        raise NotRecorded("py-spy is not installed; it is in requirements-dev.txt: pip install py-spy")
    return found


def record(house: House, server: Server, what: str, seconds: float) -> Recording:
    """The worker of `server` under one of `LOADS`: its cost for half of the time, its stacks for the rest.

    Raises `NotRecorded`.
    """
    spy, shape, options = find_spy(), _shape(what, seconds), _options(what, seconds)
    with load(house, server, shape, options, seconds=seconds + 10) as running:
        _wait_until_steady(house, what)
        first, last = _moment(house, server, running, what), _moment(house, server, running, what, seconds / 2)
        stacks = read(_spied(house, spy, processes.worker(server.pid), seconds / 2))
    line = source_lines([house.tree, *map(Path, sys.path)])
    shares = weighed(stacks, line, _kernel(first, last))
    cost = (last.cpu - first.cpu) / (last.done - first.done) * 1e6
    return Recording(shares, stacks.total(), cost, foreign(first, last))


def _wait_until_steady(house: House, what: str) -> None:
    """Until all streams run, or until the chats of the first requests are deleted as fast as new ones are made."""
    if what == "events":
        until(lambda: house.upstream.figures()["streams_open"] >= _STREAMS, what="all streams run")
        time.sleep(1)
    else:
        time.sleep(_FIRST_CHATS_SECONDS)


LOADS: Final[Mapping[str, str]] = {
    "events": "150 streams of 50 events a second",
    "requests": "streamed requests of 10 events that come at once, 32 at a time",
}


def _shape(what: str, seconds: float) -> Shape:
    return Shape(int((seconds + 10) * 50), 20_000) if what == "events" else Shape(10)


def _options(what: str, seconds: float) -> list[str]:
    return ["-c", str(_STREAMS), "-r", "0.5"] if what == "events" else ["-c", "32", "-d", str(seconds + 10)]


@dataclass(frozen=True, slots=True)
class _Moment(Moment):
    ticks: tuple[int, int]
    done: int


def _moment(house: House, server: Server, running: Load, what: str, seconds: float = 0) -> _Moment:
    """What had been used and done after so many seconds."""
    time.sleep(seconds)
    progress = running.progress()
    found = moment(house, server)
    done = progress.pieces if what == "events" else progress.right
    return _Moment(found.at, found.cpu, found.busy, processes.user_and_kernel(server.pid), done)


def _kernel(first: _Moment, last: _Moment) -> float:
    """How much of the CPU is the kernel's."""
    user, kernel = (after - before for before, after in zip(first.ticks, last.ticks, strict=True))
    return kernel / ((user + kernel) or 1)


def _spied(house: House, spy: str, pid: int, seconds: float) -> str:
    with tempfile.TemporaryDirectory() as folder, cores.on(house.load_cores):
        target = Path(folder) / "stacks"
        command = [spy, "record", "--pid", str(pid), "--duration", str(max(1, round(seconds))), "--rate", str(RATE)]
        command += ["--format", "raw", "--output", str(target)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode or not target.exists():
            said = (result.stderr or result.stdout).strip().rpartition("\n")[2]
            raise NotRecorded(
                f"py-spy has recorded nothing: {said} (as another user than root it needs CAP_SYS_PTRACE)"
            )
        return target.read_text("utf-8")
