"""All accounts as figures need them, in the memory of whoever shows these, so that only what changes is read."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from kimi.accounts import Kind, State
from kimi.pool.changes import Changes, Copy
from kimi.pool.extent import Extents
from kimi.pool.leases import Leases
from kimi.pool.running import running
from kimi.pool.store import Store

ANEW_SECONDS: Final = 60.0
"""So often all are read anew where there are not as many as there should be: some are forgotten without a word."""
_MOST_LEASES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Counted:
    """A configured account. Times are in Unix seconds; `expires` is 0 where there is no access token."""

    kind: Kind
    state: State
    is_guest: bool  # a client has brought it along
    limit: int
    expires: float
    good_until: float  # the same, or 0 where the upstream refuses the token
    cool_until: float

    def is_usable(self, now: float) -> bool:
        """Whether it holds an access token that is good at `now`."""
        return self.state is State.ACTIVE and self.good_until > now


@dataclass(frozen=True, slots=True)
class Count:
    """All that are configured, and their leases.

    `in_flight` has those of the operator's accounts by kind, and is None where they are too many to be read; `expired`
    are all that nobody gave back in time.
    """

    accounts: Collection[Counted]
    in_flight: Mapping[Kind, int] | None
    expired: int


class Census:
    """Counts. For several threads at once."""

    def __init__(self, store: Store, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._changes, self._extents, self._leases = Changes(store), Extents(store), Leases(store)
        self._clock = clock
        self._lock = threading.Lock()
        self._begin_anew()

    def count(self) -> Count:
        """The pool as it is. Raises `StoreUnavailable`."""
        with self._lock:
            self._read()
            extent = self._extents.measure()
            is_right = len(self._counted) == extent.operators + extent.guests
            if not is_right and self._clock() - self._began >= ANEW_SECONDS:
                self._begin_anew()
                self._read()
            return Count(tuple(self._counted.values()), self._in_flight(), self._leases.expired())

    def _in_flight(self) -> Mapping[Kind, int] | None:
        leases = running(self._store, _MOST_LEASES)
        if leases is None:
            return None
        kinds = Counter[Kind]()
        for name, count in leases.items():
            counted = self._counted.get(name)
            if counted is not None and not counted.is_guest:
                kinds[counted.kind] += count
        return kinds

    def _begin_anew(self) -> None:
        self._began = self._clock()
        self._number = 0
        self._counted: dict[str, Counted] = {}

    def _read(self) -> None:
        while True:
            batch = self._changes.since(self._number)
            if batch.latest < self._number:  # Redis has lost something
                self._begin_anew()
                continue
            for copy in batch.copies:
                self._take(copy)
            self._number = batch.number
            if batch.number >= batch.latest:
                return

    def _take(self, copy: Copy) -> None:
        self._counted.pop(copy.account.name, None)
        if copy.configured:
            self._counted[copy.account.name] = Counted(
                copy.account.kind,
                copy.state,
                bool(copy.account.owner),
                copy.account.max_concurrency,
                copy.expires,
                copy.expires if copy.stored_token else 0.0,
                copy.cool_until,
            )
