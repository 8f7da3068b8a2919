"""Being told to stop, by a signal, without losing what is under way."""

from __future__ import annotations

import threading


class Stop:
    """Set once and never cleared. `set` may be called from a signal handler."""

    def __init__(self) -> None:
        self._asked = False
        self._event = threading.Event()

    def set(self) -> None:
        """Ask everyone to come to an end."""
        if self._asked:  # a second signal may arrive while the first one holds the event's lock
            return
        self._asked = True
        self._event.set()

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._asked

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is set. Never call it from the thread that handles signals."""
        self._event.wait(seconds)
