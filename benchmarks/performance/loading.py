"""The load client as a process: started on its own processor, asked how far it is, read when it has ended."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.ending import Unmeasured
from benchmarks.performance import cores
from benchmarks.performance.house import House
from benchmarks.performance.servers import Server
from benchmarks.performance.upstream import Shape
from devtools import children

SLACK_SECONDS = 60.0
"""What a run may take longer than it ought to before it is given up."""


class LoadFailed(Unmeasured):
    """The load client could not do its work."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a measured time is distributed, in microseconds."""

    count: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What has come so far."""

    right: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a load has seen. Every answer that was not `right` has an outcome of its own in `outcomes`.

    `delay` is that of a piece of text, from the upstream's write to its arrival; `first_event` the time from a request
    to the first piece of its answer, `whole` to the end.
    """

    requests: int
    right: int
    requests_per_second: float
    pieces: int
    outcomes: Mapping[str, int]
    delay: Spread
    first_event: Spread
    whole: Spread


def read_result(text: str) -> Result:
    """The last line that the load client prints. Raises `LoadFailed`."""
    try:
        found = json.loads(text.strip().rpartition("\n")[2])
        return Result(
            requests=found["requests"],
            right=found["right"],
            requests_per_second=found["requests_per_second"],
            pieces=found["pieces"],
            outcomes=found["outcomes"],
            delay=_spread(found["delay_us"]),
            first_event=_spread(found["first_event_us"]),
            whole=_spread(found["whole_us"]),
        )
    except (ValueError, KeyError) as error:
        raise LoadFailed(f"the load client said {text.strip()[:200]!r}") from error


def all_right(result: Result) -> Result:
    """`result`. Raises `LoadFailed` where an answer was not complete and in order: what that costs tells nothing."""
    if result.right != result.requests:
        raise LoadFailed(f"{result.right} of {result.requests} answers were right: {dict(result.outcomes)}")
    return result


def _spread(found: Mapping[str, Any]) -> Spread:
    return Spread(found["count"], found["p50"], found["p99"])


class Load:
    """A load that runs."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._process = process
        self._seconds = seconds

    def progress(self) -> Progress:
        """How far it is. It has to be under way already."""
        self._process.send_signal(signal.SIGUSR1)
        assert self._process.stdout is not None
        found = json.loads(self._process.stdout.readline() or b"{}")
        if "requests" in found or not found:
            raise LoadFailed("the load was over before it was measured")
        return Progress(found["right"], found["pieces"])

    def result(self) -> Result:
        """What it has seen, when it is over. Raises `LoadFailed`."""
        try:
            said, _ = self._process.communicate(timeout=self._seconds + SLACK_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise LoadFailed("the load did not end") from error
        return read_result(said.decode())


@contextmanager
def load(
    house: House, server: Server, shape: Shape | None, options: Sequence[str], *, path: str = "", seconds: float
) -> Iterator[Load]:
    """Load on `server` while the block runs, with the options of `benchmarks/native/order.c`; `shape` makes the body.

    `seconds` is how long it is meant to take.
    """
    headers = [word for header in server.headers for word in ("-H", header)]
    asked = ["-b", server.body(shape), server.path()] if shape else [server.path(path)]
    with cores.on(house.load_cores):
        process = children.start([house.programs.load, *options, *headers, *asked], output=subprocess.PIPE)
    try:
        yield Load(process, seconds)
    finally:
        children.stop(process, 1)
        if process.stdout is not None:
            process.stdout.close()


def run(house: House, server: Server, shape: Shape | None, options: Sequence[str], *, path: str = "") -> Result:
    """A load from its beginning to its end. Raises `LoadFailed`."""
    with load(house, server, shape, options, path=path, seconds=60) as running:
        return running.result()
