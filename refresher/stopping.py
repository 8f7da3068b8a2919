"""Being told to stop, by a signal, without losing what is under way."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from kimi.exchange import TIMEOUT_SECONDS

GRACE_SECONDS: Final = TIMEOUT_SECONDS + 15.0
"""Whoever stops a refresher kills it so long after its signal, and not before: containers, pods and `./dev up`."""
HOLD_SECONDS: Final = GRACE_SECONDS - 10.0
"""For so long it holds on to tokens that Redis does not take; a last try takes up to 5 s, and the end 2 s."""


class Stop:
    """Set once and never cleared. `set` may be called from a signal handler."""

    def __init__(self, *, hold: float = HOLD_SECONDS, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._hold = hold
        self._monotonic = monotonic
        self._give_up = math.inf
        self._asked = False
        self._event = threading.Event()

    def set(self) -> None:
        """Ask everyone to come to an end."""
        if self._asked:  # a second signal may arrive while the first one holds the event's lock
            return
        self._asked = True
        self._give_up = self._monotonic() + self._hold
        self._event.set()

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._asked

    def is_over(self) -> bool:
        """Whether that was `hold` seconds ago: what is not stored now is given up, as the process may be killed."""
        return self._monotonic() >= self._give_up

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is set. Never call it from the thread that handles signals."""
        self._event.wait(seconds)
