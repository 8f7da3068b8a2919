"""A copy of the pool in this worker's memory, for the time in which Redis cannot be asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Final, Protocol

import gevent

from gateway.following import Follower
from gateway.sample import LEAST, WHOLE, Sample
from kimi.pool.changes import Batch, Copy

log = logging.getLogger(__name__)

MOST: Final = 5_000
"""Accounts that are copied, at about 2 KiB each."""
SAMPLE_SECONDS: Final = 5.0
"""How old a sample may be: of a large pool some accounts change in every second, and every worker hears of each."""
LOOKS: Final = 100
"""After so many looks at what has changed the size of the pool is looked at again."""
SOON: Final = 10
"""The same while hardly any account of a sample can serve."""
LEFT_ALONE: Final = 50
"""Between pages Redis is left alone for so many times as long as it took for one, but no longer than `SAMPLE_SECONDS`.
When it comes back all workers read anew, and a thousand at once would keep it from everything else.
"""


class Source(Protocol):
    """Where changes are told, see `kimi.pool.changes.Changes`."""

    def since(self, number: int, wanted: Container[str] | None = None) -> Batch:
        """Raises `StoreUnavailable`."""
        ...

    def these(self, names: Sequence[str]) -> Iterable[Copy]:
        """Raises `StoreUnavailable`."""
        ...


class Cut(Protocol):
    """Who says what is copied, see `gateway.sample.Samples`."""

    def cut(self, most: int, before: Sample) -> Sample:
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

    def since(self, number: int, wanted: Container[str] | None = None) -> Batch:
        """See `Source.since`."""
        asked = self._monotonic()
        batch = self._source.since(number, wanted)
        self._told(self._monotonic() - asked)
        return batch

    def these(self, names: Sequence[str]) -> Iterable[Copy]:
        """See `Source.these`."""
        return self._source.these(names)


class Mirror(Follower[Copy]):
    """What this worker knows of all configured accounts, a few seconds old at most while Redis answers.

    Of more than `most` it has a sample of its own, and reads no others: what all workers read together grows with their
    number, and not with that of the accounts besides.
    """

    def __init__(
        self,
        source: Source,
        samples: Cut,
        *,
        pause: Callable[[float], object] = gevent.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = MOST,
    ) -> None:
        super().__init__("the pool", pause)
        self._source = source
        self._samples = samples
        self._monotonic = monotonic
        self._most = most
        self._took = 0.0
        self._sample = WHOLE
        self._looks = 0
        self._told = False

    @property
    def copies(self) -> Mapping[str, Copy] | None:
        """The accounts by name; None while none was read. The first time they are read there may be more."""
        return self._copies if self._copies is not None else self._coming or None

    @property
    def seconds(self) -> float:
        """See `Follower.seconds`."""
        return super().seconds if self._sample.is_whole else SAMPLE_SECONDS

    @property
    def sample(self) -> Sample:
        """What is copied of the pool."""
        return self._sample

    def _look_around(self) -> None:
        self._looks += 1
        if self._number and self._looks < (SOON if self._is_poor else LOOKS):
            return
        self._looks = 0
        before, self._sample = self._sample, self._samples.cut(self._most, self._sample)
        if self._sample.level != before.level:
            log.info("for the time when Redis is away one in %d accounts is copied", 2**self._sample.level)
            self._begin_anew()
        elif self._number:
            self._exchange(before)

    @property
    def _is_poor(self) -> bool:
        if self._sample.is_whole or self._copies is None:
            return False
        return sum(copy.serves and copy.stored_token != "" for copy in self._copies.values()) < LEAST // 2

    def _exchange(self, before: Sample) -> None:
        """Those go that are not in the sample any more, and those come that were not in the one `before`."""
        gone, come = before.beside - self._sample.beside, self._sample.beside - before.beside
        for name in gone:
            if name not in self._sample:
                self._coming.pop(name, None)
        for copy in self._source.these([name for name in come if name not in before]):
            self._take(copy)

    def _between_pages(self) -> None:
        if self._copies is not None or not self._sample.is_whole:  # else nothing is known, and soon all is read
            self._pause(min(LEFT_ALONE * self._took, SAMPLE_SECONDS))

    def _changes(self, number: int) -> tuple[int, int, Sequence[Copy]]:
        asked = self._monotonic()
        batch = self._source.since(number, None if self._sample.is_whole else self._sample)
        self._took = self._monotonic() - asked
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
