"""What a watcher sees of the pool, read as cheaply as can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from kimi.accounts import State
from kimi.alerts.rules import Snapshot
from kimi.errors import StoreUnavailable
from kimi.pool.changes import Batch, Copy
from kimi.pool.extent import Extent
from kimi.pool.members import Summary

ANEW_SECONDS: Final = 300.0
"""So often all accounts are read again where there are not as many as there should be."""
_LOST: Final = frozenset({State.DEAD, State.BANNED})


class News(Protocol):
    """Where changes of accounts are told."""

    def since(self, number: int) -> Batch: ...


class Directory(Protocol):
    """The pool at a glance."""

    def summary(self) -> Summary: ...


class Sized(Protocol):
    """How large the pool is."""

    def measure(self) -> Extent: ...


class Hearing(Protocol):
    """How many seconds ago each refresher was heard of, by name."""

    def seen(self) -> Mapping[str, float]: ...


class Sight:
    """Looks at the pool; after the first time, only at what has changed. Methods may raise `StoreUnavailable`."""

    def __init__(
        self, news: News, directory: Directory, sized: Sized, hearing: Hearing, *, clock: Callable[[], float]
    ) -> None:
        self._news = news
        self._directory = directory
        self._sized = sized
        self._hearing = hearing
        self._clock = clock
        self._heard = clock()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was seen of accounts."""
        self._number = 0
        self._counted = self._clock()
        self._names: set[str] = set()
        self._lost: dict[str, State] = {}

    def silence(self) -> float:
        """Seconds since some refresher was heard of, as far as one could be: it cannot speak while Redis is away.

        What was heard before Redis lost all it knew counts as well.
        """
        try:
            ages = self._hearing.seen().values()
        except StoreUnavailable:
            self._heard = self._clock()
            raise
        now = self._clock()
        self._heard = max([self._heard, *(now - age for age in ages)])
        return now - self._heard

    def look(self) -> Snapshot:
        """The pool as it is now."""
        self._read()
        if self._clock() - self._counted >= ANEW_SECONDS:
            self._counted = self._clock()
            if len(self._names) != self._sized.measure().operators:
                self.begin_anew()
                self._read()
        return Snapshot(
            lost=dict(self._lost),
            accounts=len(self._names),
            usable=self._directory.summary().usable,
            silence=self.silence(),
        )

    def _read(self) -> None:
        while self._read_page():
            pass

    def _read_page(self) -> bool:
        """Whether there is more to read."""
        batch = self._news.since(self._number)
        if batch.latest < self._number:  # Redis may have lost something
            self.begin_anew()
            return True
        for copy in batch.copies:
            self._take(copy)
        self._number = batch.number
        return batch.number < batch.latest

    def _take(self, copy: Copy) -> None:
        name = copy.account.name
        self._names.discard(name)
        self._lost.pop(name, None)
        if copy.configured and not copy.account.owner:
            self._names.add(name)
            if copy.state in _LOST:
                self._lost[name] = copy.state
