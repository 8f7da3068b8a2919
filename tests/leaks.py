"""What a test may leave in the process that runs it: no thread, no socket, no greenlet."""

from __future__ import annotations

import gc
import os
import socket
import stat
import threading
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gevent
import pytest

from devtools.waiting import until
from tests import greenlets

REST_SECONDS: Final = 3.0
"""How long what a test has begun may take to end after it."""

_DESCRIPTORS: Final = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of what can be left: `find` gives all there are now, by what tells one from every other."""

    find: Callable[[], Mapping[Hashable, Any]]
    describe: Callable[[Any], str]


@contextmanager
def nothing_left(*kinds: Kind, seconds: float = REST_SECONDS) -> Iterator[None]:
    """Fails when something of these kinds begins in the block and is still there `seconds` after it."""
    before = [kind.find().keys() for kind in kinds]
    yield
    left: list[str] = []

    def clean() -> bool:
        found = [(kind, kind.find(), old) for kind, old in zip(kinds, before, strict=True)]
        left[:] = [kind.describe(now[key]) for kind, now, old in found for key in now.keys() - old]
        return not left

    if clean():
        return
    gc.collect()  # what only a cycle holds is left by nobody
    with suppress(TimeoutError):
        until(clean, seconds=seconds)
    if left:
        pytest.fail("left behind: " + "; ".join(sorted(left)), pytrace=False)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test leaves a thread or a socket. What fixtures of a module or of the session hold was there before it."""
    with nothing_left(THREADS, SOCKETS):
        yield


@pytest.fixture(autouse=True)
def no_greenlet_is_left() -> Iterator[None]:
    """No test leaves a greenlet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of what others left before
        gc.collect()
    gc.freeze()  # the collector knows of nothing now but what the test makes, and is soon looked through
    with nothing_left(GREENLETS):
        yield


def _threads() -> dict[Hashable, threading.Thread]:
    return {thread: thread for thread in threading.enumerate()}


def _sockets() -> dict[Hashable, int]:
    """Descriptors, by the inodes of their sockets. Only Linux tells."""
    found: dict[Hashable, int] = {}
    if _DESCRIPTORS.is_dir():
        for entry in _DESCRIPTORS.iterdir():
            with suppress(OSError):  # the one that read the directory is closed
                status = os.fstat(int(entry.name))
                if stat.S_ISSOCK(status.st_mode):
                    found[status.st_ino] = int(entry.name)
    return found


def _ends(descriptor: int) -> str:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            here = copy.getsockname()
            try:
                return f"the socket {here} to {copy.getpeername()}"
            except OSError:
                return f"the socket {here} to nobody"
    except OSError:
        return "a socket that has just been closed"


def _greenlets() -> dict[Hashable, Any]:
    gevent.idle()  # lets them run
    return {id(each): each for each in greenlets.alive()}


THREADS: Final = Kind(_threads, lambda thread: f"the thread {thread.name}")
SOCKETS: Final = Kind(_sockets, _ends)
GREENLETS: Final = Kind(_greenlets, lambda each: f"the greenlet of {greenlets.name(each)}")
