"""Shutting down without cutting anybody off."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Drain:
    """Whether this process is on its way out (`begun`), the gateway with it (`whole`), and how long what runs may take.

    `begin` only sets a value, so that a signal handler may call it.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.begun = self.whole = False
        self._seconds = seconds
        self._monotonic = monotonic
        self._deadline = math.inf

    @property
    def over(self) -> bool:
        """Whether the time is up: what still runs has to end now."""
        return self.begun and self._monotonic() >= self._deadline

    def begin(self, *, whole: bool = True) -> None:
        """Starts the countdown, once. The gateway may be told to end later than this worker of it."""
        self.whole = self.whole or whole
        if not self.begun:
            self._deadline = self._monotonic() + self._seconds
            self.begun = True
