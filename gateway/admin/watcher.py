"""What the page has to be told: accounts that are no longer what they were, and those that are gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.admin.rows import Rows
from kimi.errors import StoreUnavailable
from kimi.pool.activity import Activity
from kimi.pool.figures import Changed

_ROUNDS: Final = 120
"""After so many looks the names are read again: accounts that clients brought along are forgotten without a word."""


@dataclass(frozen=True, slots=True)
class News:
    """Accounts as JSON, by name, and the names of those that are gone."""

    accounts: Mapping[str, bytes]
    removed: Collection[str] = ()


class Activities(Protocol):
    """See `kimi.pool.activity.Activities`."""

    def since(self, number: int) -> Activity: ...

    def names(self) -> set[str]: ...


class Uses(Protocol):
    """See `kimi.pool.figures.Figures`."""

    def changed_since(self, when: float) -> Changed: ...


class Watcher:
    """Compares the pool with what it was at the last look."""

    def __init__(self, activities: Activities, uses: Uses, rows: Rows) -> None:
        self._activities = activities
        self._uses = uses
        self._rows = rows
        self._known: set[str] = set()  # every name that somebody may see
        self._in_flight: Mapping[str, int] = {}
        self._number = 0
        self._used_at = 0.0
        self._rounds = 0
        self._is_lost = False

    def begin(self) -> None:
        """From now on changes are told. Raises `StoreUnavailable`."""
        self._begin()

    def lose(self) -> None:
        """Redis was away, whoever noticed: the next look tells everything."""
        self._is_lost = True

    def look(self) -> Iterator[News]:
        """What has changed since the last look, in pieces; everything, once Redis is back.

        Raises `StoreUnavailable`.
        """
        try:
            yield from self._all() if self._is_lost else self._changes()
        except StoreUnavailable:
            self._is_lost = True
            raise

    def _changes(self) -> Iterator[News]:
        activity = self._activities.since(self._number)
        if activity.latest < self._number:
            yield from self._all()
            return
        uses = self._uses.changed_since(self._used_at)
        names = {*activity.changed, *_differing(self._in_flight, activity.in_flight), *uses.accounts}
        self._note(activity)
        self._used_at = uses.at
        yield from self._read(names)
        self._rounds += 1
        if self._rounds >= _ROUNDS:
            yield from self._missing(self._activities.names())

    def _all(self) -> Iterator[News]:
        names = self._begin()
        yield from self._read(sorted(names))
        yield from self._missing(names)

    def _begin(self) -> Collection[str]:
        """The names that there are now. Those that are gone are known until that was told, however often this fails."""
        self._is_lost = True
        names = self._activities.names()
        self._known |= names
        self._note(self._activities.since(1 << 52))
        self._used_at = self._uses.changed_since(float(1 << 40)).at
        self._is_lost = False
        return names

    def _read(self, names: Collection[str]) -> Iterator[News]:
        for page, found in self._rows.pages(names):
            self._known |= found.keys()
            yield News(found, [name for name in page if name not in found])

    def _missing(self, names: Collection[str]) -> Iterator[News]:
        self._rounds = 0
        gone = self._known.difference(names)
        self._known -= gone
        if gone:
            yield News({}, gone)

    def _note(self, activity: Activity) -> None:
        self._number, self._in_flight = activity.number, activity.in_flight


def _differing(one: Mapping[str, int], other: Mapping[str, int]) -> set[str]:
    """The names that have another count here than there."""
    return {name for name, _ in one.items() ^ other.items()}
