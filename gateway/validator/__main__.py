"""The validator of one worker, which reads its tasks and answers them one by one; it ends with whoever asks it."""

from __future__ import annotations

import os
import resource
import signal
import time
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Final

from gateway.validator import frames
from gateway.validator.checking import answer

SECONDS: Final = 0.5
"""Of the processor, for one task. The kernel keeps to that also while the library lets nothing else here run."""
MOST_MEMORY: Final = 256 * 1024 * 1024
"""Bytes. macOS does not keep to that."""
_BEHIND: Final = 5
"""Where there are not enough processors, those who serve go first."""
_ERRORS: Final = 2


def serve(tasks: BufferedReader, replies: int) -> None:
    """Answers until nothing comes any more. Raises `EOFError` then."""

    def read(many: int) -> bytes:
        found = tasks.read(many)
        if len(found) < many:
            raise EOFError
        return found

    os.write(replies, frames.READY)
    while True:
        task = frames.read_task(read)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        began = time.process_time()
        said = frames.reply(answer(*task), time.process_time() - began)
        signal.setitimer(signal.ITIMER_PROF, 0)
        while said:
            said = said[os.write(replies, said) :]


def _close() -> None:
    """Closes what was inherited: sockets on which clients are served."""
    with os.scandir("/dev/fd") as found:
        numbers = [int(each.name) for each in found]
    for number in numbers:
        if number > _ERRORS:
            with suppress(OSError):  # the one that told them is closed
                os.close(number)


def _bound() -> None:
    """Gives up whatever is not needed to check values."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError):  # macOS knows none, and others have less already
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    with suppress(OSError):  # which some filters of system calls say
        os.nice(_BEHIND)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)


def _fall_silent() -> None:
    """What there is to complain of from here on may hold what clients have sent."""
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), _ERRORS)


if __name__ == "__main__":
    _close()
    _bound()
    _fall_silent()
    try:
        serve(open(0, "rb", closefd=False), 1)  # noqa: SIM115 - it is never closed
    except (EOFError, BrokenPipeError):
        os._exit(0)
    finally:  # a task was too much for Python, which then ends as it does where one is too much for the library
        os.abort()
