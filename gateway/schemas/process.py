"""The process that checks values for this worker, see `gateway.validator`."""

from __future__ import annotations

import os
import sys
from posix import posix_spawn, waitpid  # gevent's own would watch all children of a process, whoever started them
from signal import SIGKILL
from typing import Any, Final

from gevent.os import make_nonblocking, nb_read, nb_write

from gateway.validator.frames import READY, Wanted, read_reply, task

# No compiled files are written, and nothing is imported but from where this process does; where that is it inherits.
_COMMAND: Final = (sys.executable, "-B", "-P", "-S", "-m", "gateway.validator")
_AT_ONCE: Final = 65_536  # bytes


class Process:
    """A running one, which has to be ended. While it is waited for others have their turn."""

    def __init__(self) -> None:
        """Raises `OSError` where none can be started."""
        tasks, self._tasks = os.pipe()
        self._replies, replies = os.pipe()
        try:
            self.pid = posix_spawn(
                sys.executable,
                _COMMAND,
                {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, tasks, 0),
                    (os.POSIX_SPAWN_DUP2, replies, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setpgroup=0,  # who types Ctrl-C means the worker
                setsigmask=(),
            )
        except OSError:
            self._close()
            raise
        finally:
            os.close(tasks)
            os.close(replies)
        make_nonblocking(self._tasks)
        make_nonblocking(self._replies)
        self._is_ready = False

    def ask(self, wanted: Wanted, schema: bytes, value: bytes) -> tuple[Any, float]:
        """What it says, and the seconds of a processor that took.

        Raises `EOFError` where it has ended, and `OSError` where it has never begun.
        """
        if not self._is_ready:
            if nb_read(self._replies, len(READY)) != READY:
                raise OSError("it ended before its first task")
            self._is_ready = True
        left = memoryview(task(wanted, schema, value))
        try:
            while left:
                left = left[nb_write(self._tasks, left[:_AT_ONCE]) :]
        except BrokenPipeError:
            raise EOFError from None
        return read_reply(self._read)

    def end(self) -> int:
        """Which signal has ended it, in case that one has."""
        try:
            os.kill(self.pid, SIGKILL)  # which it does not notice where it has ended by itself
            while nb_read(self._replies, _AT_ONCE):
                pass  # nothing is left of what it had open then, and its end is not far
            return os.WTERMSIG(waitpid(self.pid, 0)[1])
        except OSError:  # somebody else has waited for it
            return 0
        finally:
            self._close()

    def _read(self, many: int) -> bytes:
        found = b""
        while len(found) < many:
            piece = nb_read(self._replies, many - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found

    def _close(self) -> None:
        os.close(self._tasks)
        os.close(self._replies)
