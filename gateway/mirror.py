"""A copy of the pool in this worker's memory, for the time in which Redis cannot be asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import gevent

from kimi.errors import StoreUnavailable
from kimi.pool.changes import Batch, Copy

log = logging.getLogger(__name__)

SECONDS: Final = 1.0
"""How old the copy may be; looking for changes is one small command."""
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


class Mirror:
    """What this worker knows of all configured accounts, a second old at most while Redis answers."""

    def __init__(self, source: Source, *, pause: Callable[[float], object] = gevent.sleep, most: int = MOST) -> None:
        self._source = source
        self._pause = pause
        self._most = most
        self._number = 0
        self._coming: dict[str, Copy] = {}
        self._copies: dict[str, Copy] | None = None
        self._told = False

    @property
    def copies(self) -> Mapping[str, Copy] | None:
        """The accounts by name; None while not all of them were read."""
        return self._copies

    def run(self) -> None:
        """Keeps the copy fresh, for ever."""
        while True:
            try:
                self.refresh()
            except StoreUnavailable as error:
                log.debug("the copy of the pool grows old: %s", error)
            self._pause(SECONDS)

    def refresh(self) -> None:
        """Reads what has changed. Raises `StoreUnavailable`; after that all is read anew, as Redis may have lost some.

        What was known stays until everything has been read.
        """
        try:
            while self._read_page():
                pass
        except StoreUnavailable:
            self._begin_anew()
            raise

    def _read_page(self) -> bool:
        """Whether there is more to read."""
        batch = self._source.since(self._number)
        if batch.latest < self._number:
            self._begin_anew()
            return True
        for copy in batch.copies:
            self._take(copy)
        self._number = batch.number
        more = batch.number < batch.latest
        if not more:
            self._copies = self._coming
        return more

    def _take(self, copy: Copy) -> None:
        name = copy.account.name
        # Of tokens that clients made up there may be any number, and those that are good leave room for the operator's.
        most = self._most // 2 if copy.account.owner else self._most
        if not copy.configured or (copy.account.owner and not copy.token):
            self._coming.pop(name, None)
        elif name in self._coming or len(self._coming) < most:
            self._coming[name] = copy
        elif not self._told:
            self._told = True
            log.warning("only %d accounts are copied for the time when Redis is away, there are more", self._most)

    def _begin_anew(self) -> None:
        self._number = 0
        self._coming = {}
