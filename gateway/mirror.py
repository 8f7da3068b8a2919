"""A copy of the pool in this worker's memory, for the time in which Redis cannot be asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import gevent

from gateway.following import Follower
from kimi.pool.changes import Batch, Copy

log = logging.getLogger(__name__)

MOST: Final = 5_000
"""Accounts that are copied, at about 2 KiB each."""


class Source(Protocol):
    """Where changes are told."""

    def since(self, number: int) -> Batch:
        """Raises `StoreUnavailable`."""
        ...


class Timed:
    """A source whose answers are timed: `told` hears how many seconds each took."""

    def __init__(
        self, source: Source, told: Callable[[float], object], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._told = told
        self._monotonic = monotonic

    def since(self, number: int) -> Batch:
        """See `Source.since`."""
        asked = self._monotonic()
        batch = self._source.since(number)
        self._told(self._monotonic() - asked)
        return batch


class Mirror(Follower[Copy]):
    """What this worker knows of all configured accounts, a second old at most while Redis answers."""

    def __init__(self, source: Source, *, pause: Callable[[float], object] = gevent.sleep, most: int = MOST) -> None:
        super().__init__("the pool", pause)
        self._source = source
        self._most = most
        self._told = False

    @property
    def copies(self) -> Mapping[str, Copy] | None:
        """The accounts by name; None while not all of them were read."""
        return self._copies

    def _changes(self, number: int) -> tuple[int, int, Sequence[Copy]]:
        batch = self._source.since(number)
        return batch.number, batch.latest, batch.copies

    def _take(self, changed: Copy) -> None:
        name = changed.account.name
        # Of tokens that clients made up there may be any number, and those that are good leave room for the operator's.
        most = self._most // 2 if changed.account.owner else self._most
        if not changed.configured or (changed.account.owner and not changed.stored_token):
            self._coming.pop(name, None)
        elif name in self._coming or len(self._coming) < most:
            self._coming[name] = changed
        elif not self._told:
            self._told = True
            log.warning("only %d accounts are copied for the time when Redis is away, there are more", self._most)
