"""Shutting down without cutting anybody off."""

from __future__ import annotations

import time
from collections.abc import Callable


class Drain:
    """Whether this process is on its way out, and how long what runs may still take.

    `begin` only sets a value, so that a signal handler may call it.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._deadline: float | None = None

    @property
    def begun(self) -> bool:
        """Whether the process is shutting down."""
        return self._deadline is not None

    @property
    def over(self) -> bool:
        """Whether the time is up: what still runs has to end now."""
        return self._deadline is not None and self._monotonic() >= self._deadline

    def begin(self) -> None:
        """Starts the countdown, once."""
        if self._deadline is None:
            self._deadline = self._monotonic() + self._seconds
