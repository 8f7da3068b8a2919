"""Watching the pool for the operator, beside the work of the refresher."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kimi.alerts.watch import EVERY_SECONDS, Watcher

_END_SECONDS: Final = 5.0


@contextmanager
def watching(watcher: Watcher, *, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Let `watcher` look while the block runs, on a thread that holds up nobody's end for long."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every):
            watcher.check()
        watcher.end()

    thread = threading.Thread(target=watch, name="alerts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_END_SECONDS)  # longer only while an alert is under way that does not arrive
