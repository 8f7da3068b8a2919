"""What the pool can be asked for, as this process knows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from kimi.errors import StoreUnavailable
from kimi.pool import Summary


class Pool(Protocol):
    """The accounts, at a glance."""

    @property
    def away(self) -> bool:
        """Whether Redis is away, so that what is told comes from memory."""
        ...

    def summary(self) -> Summary:
        """Raises `StoreUnavailable`."""
        ...


class Catalogue:
    """Remembers the pool's summary for `seconds`, and for as long as the store does not answer."""

    def __init__(self, pool: Pool, *, seconds: float = 3.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._seconds = seconds
        self._monotonic = monotonic
        self._known: Summary | None = None
        self._good_until = float("-inf")

    @property
    def from_memory(self) -> bool:
        """Whether Redis is away, and this process goes on with what it has in memory."""
        return self._pool.away

    def now(self) -> Summary:
        """The summary as it is. Raises `StoreUnavailable`."""
        self._known = self._pool.summary()
        return self._known

    def lately(self) -> Summary:
        """The summary as it was a moment ago. Raises `StoreUnavailable` when there never was one."""
        now = self._monotonic()
        if self._known is not None and now < self._good_until:
            return self._known
        self._good_until = now + self._seconds  # whoever asks meanwhile does not ask the store as well
        try:
            return self.now()
        except StoreUnavailable:
            if self._known is None:
                raise
            return self._known
