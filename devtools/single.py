"""One `./dev up` a folder."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from devtools.saying import Trouble, say
from devtools.tether import alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 90.0  # what is left behind ends its streams and its exchanges, which takes up to a minute


@contextmanager
def only_one(path: Path, *, pause: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Hold the lock file `path` and yield its descriptor, to be left open in every process started meanwhile.

    So the lock outlives a supervisor that was killed until the last of its children has ended, and no second Valkey
    opens the files of the first. Raises Trouble when a living `./dev up` holds it.
    """
    with path.open("a+") as lock:
        _acquire(lock.fileno(), path, pause)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def _acquire(descriptor: int, path: Path, pause: Callable[[float], None]) -> None:
    waits = int(PATIENCE_SECONDS / POLL_SECONDS)
    for attempt in range(waits):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text().strip()
            if not holder.isdecimal() or alive(int(holder)):
                raise Trouble(f"./dev up runs in this folder already, as process {holder or 'unknown'}.") from None
            if attempt == 0:
                say(f"Waiting for what process {holder} left behind to end …")
            pause(POLL_SECONDS)
        else:
            return
    raise Trouble(f"What an earlier ./dev up started does not end; `fuser {path}` shows it.")
