"""Which accounts are no longer what they were, for whoever shows all of them and reads only those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kimi.pool.changes import Changes
from kimi.pool.hashes import account_names
from kimi.pool.running import running
from kimi.pool.store import Store

MOST: Final = 1_000
"""Changes that are told at once."""
MOST_LEASES: Final = 10_000
"""Of more nobody is told while they run: it would take Redis too long to tell it twice a second."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Changes up to `number`, by name; `latest` is that of the last change of all. `in_flight` counts leases."""

    number: int
    latest: int
    changed: tuple[str, ...]
    in_flight: Mapping[str, int]


class Activities:
    """Reads it. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changes = Changes(store)

    def since(self, number: int) -> Activity:
        """What has changed after the change `number`, at most `MOST` names of it.

        A `latest` below `number` says that Redis may have lost something.
        """
        told = self._changes.names(number, MOST)
        return Activity(told.number, told.latest, told.names, running(self._store, MOST_LEASES) or {})

    def names(self) -> set[str]:
        """Every account that is, or was not long ago, in the pool."""
        return set(account_names(self._store))
