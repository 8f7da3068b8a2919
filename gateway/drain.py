"""Shutting down without cutting anybody off."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Drain:
    """Whether this process is on its way out (`begun`), and how long what runs may still take.

    `begin` only sets a value, so that a signal handler may call it.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.begun = False
        self._seconds = seconds
        self._monotonic = monotonic
        self._deadline = math.inf

    @property
    def over(self) -> bool:
        """Whether the time is up: what still runs has to end now."""
        return self.begun and self._monotonic() >= self._deadline

    def begin(self) -> None:
        """Starts the countdown, once."""
        if not self.begun:
            self._deadline = self._monotonic() + self._seconds
            self.begun = True
