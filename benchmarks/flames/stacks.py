"""Call stacks as py-spy counts them, and to which part of the work each belongs. Pure but for reading source lines."""

from __future__ import annotations

import linecache
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FRAME: Final = re.compile(r"(?P<function>.*) \((?P<file>.*?)(?::(?P<line>\d+))?\)")
_RESTS: Final = "acquire_with_timeout"
"""Where a thread of gevent's pool waits for work; to py-spy it looks busy."""
_SYSTEM_CALL: Final = re.compile(
    r"(sock|poll)\w*\.(recv\w*|send\w*|poll|accept\w*|connect\w*|[gs]etsockopt)\(|\bos\.(read|write)\(|loop\.run\("
)
"""A line in which a call of the kernel is nearly all there is to do; with `loop.run` it is `epoll_wait`."""
_SWITCH: Final = re.compile(r"\.(switch|throw)\(")
"""A line that goes on in another greenlet, or was just come back to."""

KERNEL: Final = "kernel"
OTHER: Final = "other"
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "gevent": ("gevent/", "greenlet/", "gateway/http1/wire.py"),
    "http": ("gateway/http1/", "httptools/", "kimi/http", "requests/", "urllib3/", "http/client.py"),
    "dialect": ("kimi/upstreams/", "kimi/chat.py"),
    "shaping": ("gateway/shaping/",),
    "rendering": ("gateway/surfaces/", "gateway/server/outlet.py", "gateway/outlet.py", "gateway/channel.py",
                  "kimi/usage.py"),
    "pool": ("kimi/pool/", "gateway/pool.py", "gateway/ledger.py", "gateway/holdings.py", "gateway/store_socket.py",
             "redis/", "hiredis/"),
    "log": ("kimi/logs.py", "structlog/", "logging/", "prometheus_client/", "gateway/metrics.py", "gateway/journal.py"),
    "server": ("gunicorn/", "flask/", "werkzeug/", "gateway/server/", "gateway/worker.py", "gateway/listening.py",
               "gateway/environs.py", "gateway/heads.py", "gateway/paths.py", "gateway/views/"),
    "way": ("gateway/", "kimi/"),
}  # fmt: skip
"""By part, where its modules are, or have been in earlier trees.

The first that fits counts, so that `way` has what is named nowhere else.
"""
TITLES: Final[Mapping[str, str]] = {
    KERNEL: "the kernel: `recv`, `send`, `epoll_wait`",
    "gevent": "gevent: greenlets, watchers, waiting for a socket",
    "http": "HTTP towards the upstream",
    "dialect": "the upstream's dialect: bytes to events",
    "shaping": "shaping: marks, sources, limits",
    "rendering": "rendering, counting and framing",
    "pool": "the pool and Redis",
    "way": "the way of a request: choice, failover, watches, deletion",
    "server": "the server: gunicorn, Flask, views",
    "log": "log and metrics",
    OTHER: "anything else",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A call: which function, in which file below its package's folder, at which line (0 when unknown)."""

    function: str
    file: str
    line: int

    @property
    def label(self) -> str:
        return f"{self.function} ({self.file})" if self.file else self.function


IN_KERNEL: Final = Frame("in the kernel", "", 0)
_SWITCHING: Final = Frame("switch", "greenlet/", 0)
Stack = tuple[Frame, ...]
"""From the outermost call to the innermost."""
SourceLine = Callable[[Frame], str]


def read(text: str) -> Counter[Stack]:
    """py-spy's raw format, without threads that rest."""
    stacks: Counter[Stack] = Counter()
    for line in text.splitlines():
        calls, _, count = line.rpartition(" ")
        stack = tuple(map(_frame, calls.split(";")))
        if stack[-1].function != _RESTS:
            stacks[stack] += int(count)
    return stacks


def _frame(text: str) -> Frame:
    found = _FRAME.fullmatch(text)
    if found is None:
        return Frame(text or "no Python code", "", 0)
    return Frame(found["function"], _short(found["file"]), int(found["line"] or 0))


def _short(file: str) -> str:
    """py-spy leaves away what stands before a package; of files in none only the name is kept."""
    return file.rpartition("/")[2] if file.startswith("/") else file


def source_lines(roots: Iterable[Path]) -> SourceLine:
    """Reads the line at which a call stood, from the first folder that has its file; nothing where none has."""
    folders = tuple(roots)

    def line(frame: Frame) -> str:
        return next(filter(None, (linecache.getline(str(folder / frame.file), frame.line) for folder in folders)), "")

    return line


def weighed(stacks: Mapping[Stack, int], line: SourceLine, kernel: float) -> dict[Stack, float]:
    """The share of each stack in the time, 1 altogether, of which `kernel` is the kernel's.

    py-spy stops the process to look at it, which is when it sees system calls far too often.
    So the samples in which one was under way share the measured time of the kernel, all others share the rest.
    """
    counts = Counter[Stack]()
    for stack, count in stacks.items():
        counts[(*stack, *_called(line(stack[-1])))] += count
    asking = sum(count for stack, count in counts.items() if stack[-1] is IN_KERNEL)
    if not 0 < asking < counts.total():
        return {stack: count / counts.total() for stack, count in counts.items()}
    inside, outside = kernel / asking, (1 - kernel) / (counts.total() - asking)
    return {stack: count * (inside if stack[-1] is IN_KERNEL else outside) for stack, count in counts.items()}


def _called(line: str) -> Stack:
    """What a line calls that is not written in Python, where we know it."""
    if _SYSTEM_CALL.search(line):
        return (IN_KERNEL,)
    return (_SWITCHING,) if _SWITCH.search(line) else ()


def part(stack: Stack) -> str:
    """To which part the innermost call belongs: to its module's, or if that has none, to its caller's."""
    if stack[-1] is IN_KERNEL:
        return KERNEL
    return next(filter(None, (place(frame.file) for frame in reversed(stack))), OTHER)


def place(file: str) -> str | None:
    """The part of a module."""
    return next((name for name, prefixes in PLACES.items() if file.startswith(prefixes)), None)


def shares(stacks: Mapping[Stack, float]) -> dict[str, float]:
    """How much of the time each part has."""
    found = dict.fromkeys(TITLES, 0.0)
    for stack, share in stacks.items():
        found[part(stack)] += share
    return found


def heaviest(stacks: Mapping[Stack, float], name: str, most: int) -> Sequence[tuple[str, float]]:
    """The calls of a part in which most of its time is spent, and their share of everything."""
    found = defaultdict[str, float](float)
    for stack, share in stacks.items():
        if part(stack) == name:
            found[stack[-2 if stack[-1] in {IN_KERNEL, _SWITCHING} else -1].label] += share
    return sorted(found.items(), key=lambda item: -item[1])[:most]
