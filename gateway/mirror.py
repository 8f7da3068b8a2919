"""A copy of the pool in this worker's memory, for the time in which Redis cannot be asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final, Protocol

import gevent

from gateway.following import Follower
from gateway.sample import WHOLE, Sample
from kimi.pool.changes import Batch, Copy

log = logging.getLogger(__name__)

MOST: Final = 5_000
"""Accounts that are copied, at about 2 KiB each."""
SAMPLE_SECONDS: Final = 5.0
"""How old a sample may be: of a large pool some accounts change in every second, and every worker hears of each."""
LOOKS: Final = 100
"""After so many looks at what has changed the size of the pool is looked at again."""
LEFT_ALONE: Final = 50
"""Between pages Redis is left alone for so many times as long as it took for one. When it comes back all workers read
anew, and a thousand at once would keep it from everything else.
"""


class Source(Protocol):
    """Where changes are told, see `kimi.pool.changes.Changes`."""

    def since(self, number: int, wanted: Container[str] | None = None) -> Batch:
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
        """The accounts by name; None while not all of its sample were read."""
        return self._copies

    @property
    def seconds(self) -> float:
        """See `Follower.seconds`."""
        return super().seconds if self._sample.is_whole else SAMPLE_SECONDS

    @property
    def sample(self) -> Sample:
        """What is copied of the pool."""
        return self._sample

    def _look_around(self) -> None:
        self._looks -= 1
        if self._number and self._looks > 0:
            return
        self._looks = LOOKS
        sample = self._samples.cut(self._most, self._sample)
        if sample == self._sample:
            return
        if sample.level != self._sample.level:
            log.info("for the time when Redis is away one in %d accounts is copied", 2**sample.level)
        self._sample = sample
        self._begin_anew()

    def _between_pages(self) -> None:
        if self._copies is not None or not self._sample.is_whole:  # else nothing is known, and soon all is read
            self._pause(LEFT_ALONE * self._took)

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
