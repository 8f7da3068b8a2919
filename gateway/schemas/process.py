"""The process that checks values for this worker, see `gateway.validator`."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, suppress
from posix import posix_spawn, waitpid  # gevent's own would watch all children of a process, whoever started them
from signal import SIGKILL
from typing import Any, Final

import gevent
from gevent.os import make_nonblocking, nb_read, nb_write

from gateway.validator.frames import READY, Wanted, read_reply, task

# No compiled files are written, and nothing is imported but from where this process does; where that is it inherits.
_COMMAND: Final = (sys.executable, "-B", "-P", "-S", "-m", "gateway.validator")
_PLACES: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
"""Where some builds of Python find themselves."""
_AT_ONCE: Final = 65_536  # bytes
_AN_END: Final = 1.0
"""Seconds in which a process is gone that was killed, but for one that the system itself holds up."""


class Process:
    """A running one, which has to be ended. While it is waited for others have their turn."""

    def __init__(self) -> None:
        """Raises `OSError` where none can be started."""
        with ExitStack() as theirs, ExitStack() as ours:
            tasks, self._tasks = os.pipe()
            theirs.callback(os.close, tasks)
            ours.callback(os.close, self._tasks)
            self._replies, replies = os.pipe()
            theirs.callback(os.close, replies)
            ours.callback(os.close, self._replies)
            self.pid = posix_spawn(
                sys.executable,
                _COMMAND,
                {
                    "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                    **{name: os.environ[name] for name in _PLACES if name in os.environ},
                },
                file_actions=[(os.POSIX_SPAWN_DUP2, tasks, 0), (os.POSIX_SPAWN_DUP2, replies, 1)],
                setpgroup=0,  # who types Ctrl-C means the worker
                setsigmask=(),
            )
            self._open = ours.pop_all()
        make_nonblocking(self._tasks)
        make_nonblocking(self._replies)
        self._is_ready = False

    def ask(self, wanted: Wanted, schema: bytes, value: bytes) -> tuple[Any, float]:
        """What it says, and the seconds of a processor that took.

        Raises `EOFError` where it has ended.
        """
        if not self._is_ready:  # until then it may complain on the worker's own stderr, and knows nothing of clients
            self._read(len(READY))
            self._is_ready = True
        left = memoryview(task(wanted, schema, value))
        try:
            while left:
                left = left[nb_write(self._tasks, left[:_AT_ONCE]) :]
        except BrokenPipeError:
            raise EOFError from None
        return read_reply(self._read)

    def end(self) -> int:
        """How it has ended: by a signal, which is below zero, or with a code; 0 as well where nobody knows."""
        with self._open, suppress(OSError):  # somebody else has waited for it
            os.kill(self.pid, SIGKILL)  # which it does not notice where it has ended by itself
            with gevent.Timeout(_AN_END, False):
                while nb_read(self._replies, _AT_ONCE):
                    pass  # nothing is left of what it had open then, and its end is not far
                return os.waitstatus_to_exitcode(waitpid(self.pid, 0)[1])
        return 0

    def _read(self, many: int) -> bytes:
        found = b""
        while len(found) < many:
            piece = nb_read(self._replies, many - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found
