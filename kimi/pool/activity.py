"""Which accounts are no longer what they were, for whoever shows all of them and reads only those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kimi.pool.changes import Changes
from kimi.pool.store import Store

MOST: Final = 1_000
"""Changes that are told at once."""


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

        A `latest` below `number` says that Redis has lost something.
        """
        told = self._changes.names(number, MOST)
        with self._store.guarded() as redis:
            leases = redis.zrange(self._store.key("leases"), 0, -1)
        in_flight = Counter(lease.partition(":")[2] for lease in leases)
        return Activity(told.number, told.latest, told.names, in_flight)

    def names(self) -> set[str]:
        """Every account that is, or was not long ago, in the pool."""
        with self._store.guarded() as redis:
            return set(redis.smembers(self._store.key("accounts")))
