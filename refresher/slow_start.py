"""A slow start at a Redis that has just begun, where others may be at work that know newer tokens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from kimi.pool import Store
from kimi.pool.health import Health

FEW: Final = 5
"""Accounts that are begun meanwhile: enough to serve with, and no more are lost should all their tokens be spent."""
SETTLED_SECONDS: Final = 5.0
"""So long after Redis was started, others that were at work have found it, and have put back what it has lost."""


class SlowStart:
    """How many accounts a refresher may begin that was started a moment after Redis.

    Such a Redis may have begun empty, and what the accounts file holds then is spent. Whoever was at work before
    remembers what became of it, and puts that back within seconds. Where Redis does not tell how long it runs, there
    is no limit.
    """

    def __init__(self, store: Store, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._ends: float | None = None
        self._left = FEW

    @property
    def room(self) -> float:
        """So many may begin now. Raises `StoreUnavailable` when it is asked for the first time."""
        now = self._monotonic()
        if self._ends is None:
            self._ends = now + SETTLED_SECONDS - Health(self._store).facts().get("uptime_in_seconds", math.inf)
        return self._left if now < self._ends else math.inf

    def begun(self, count: int) -> None:
        """So many more have begun."""
        self._left = max(0, self._left - count)
