"""Where requests wait for an account: first come, first served, whichever worker they came to."""

from __future__ import annotations

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import gevent
from gevent.event import Event as Flag

from gateway.breaker import Breaker
from gateway.shield import Shielded
from kimi.errors import AllBusy, AwaitingToken, NoAccount, StoreUnavailable, UpstreamDown
from kimi.pool import Lease, Wish

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often somebody looks after those who wait, should a call be lost or something change by time alone."""
_SHORTEST_PAUSE = 0.01
_AT_ONCE = 16  # are roused, then a pause: each asks Redis


class LeaseSource(Protocol):
    """Where accounts come from, and where the queue for them is kept; see `kimi.pool.Leases`."""

    def acquire(self, wish: Wish, *, ticket: str = "", patience: float = 0.0) -> Lease: ...

    def release(self, lease: Lease) -> object: ...

    def leave(self, ticket: str) -> None: ...

    def look(self, routes: Collection[str]) -> float | None: ...


@dataclass(eq=False, slots=True)
class _Place:
    """One request that waits."""

    ticket: str
    wish: Wish  # as it was asked for last
    asked: frozenset[str]  # lines that are open to it in any case
    called: Flag = field(default_factory=Flag)
    queued: bool = False  # as far as is known


class WaitingRoom:
    """Leases accounts for the requests of this process, and lets those wait for which none is free.

    The queue itself is the source's, one for all processes: a request takes a ticket there and asks again when the
    ticket is called, so that a thousand waiting requests cost next to nothing.
    Which lines are left alone the `breaker` says anew for each question; whom one kept away asks again when it is open.
    `changed` hears how many wait whenever that changes.
    """

    def __init__(
        self,
        source: LeaseSource,
        seconds: float,
        worker: str,
        breaker: Breaker,
        *,
        pause: Callable[[float], object] = gevent.sleep,
        changed: Callable[[int], object] = lambda _waiting: None,
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._changed = changed
        self._tickets = (f"{worker}.{number}" for number in itertools.count(1))
        self._places: dict[str, _Place] = {}
        self._routes: Counter[tuple[str, ...]] = Counter()
        self._pause = pause
        self._someone_came = Flag()
        self._breaker = breaker
        self._is_rousing = False
        breaker.when_opened(self._rouse)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._routes.total()

    def acquire(self, wish: Wish, waited: float = 0.0, asked: frozenset[str] = frozenset()) -> Lease:
        """An account for the request, after at most the time that requests may wait; `waited` seconds of it are over.

        Lines that are left alone are `tripped` in its wish, but for those that it has `asked` before.
        Raises `AllBusy` or `AwaitingToken` when that time is over or would not be enough, `NoAccount` and
        `UpstreamDown` at once.
        """
        place = _Place(next(self._tickets), wish, asked)
        self._places[place.ticket] = place  # its call may be heard before the answer that puts it into the queue
        try:
            return self._acquire(place, max(self._seconds - waited, 0.0))
        finally:
            del self._places[place.ticket]

    def call(self, ticket: str) -> None:
        """It is the turn of `ticket`."""
        if (place := self._places.get(ticket)) is not None:
            place.called.set()

    def call_all(self) -> None:
        """Calls may have been lost: everybody asks for himself."""
        for place in self._places.values():
            place.called.set()

    def run(self) -> None:
        """Looks after those who wait, for ever."""
        while True:
            self._someone_came.wait()
            self._pause(self._look())
            if not self._routes:
                self._someone_came.clear()

    def _kept_away(self) -> Sequence[_Place]:
        """Who does not ask for a line that he may ask now; where one is to find out about it, one of them."""
        closed, untried, found = self._breaker.tripped(), self._breaker.untried(), list[_Place]()
        for place in self._places.values():
            if may_ask := place.wish.tripped - closed:
                found.append(place)
                closed |= may_ask & untried
        return found

    def _rouse(self) -> None:
        if not self._is_rousing and self._kept_away():
            self._is_rousing = True
            gevent.spawn(self._rouse_all)

    def _rouse_all(self) -> None:
        while places := self._kept_away()[:_AT_ONCE]:
            for place in places:
                place.called.set()
            self._pause(_SHORTEST_PAUSE)
        self._is_rousing = False

    def _look(self) -> float:
        """Lets the source see what time has changed; the seconds until the next look."""
        self._rouse()  # of a line that has been left alone for long enough nobody tells
        try:
            soonest = self._source.look(sorted(set().union(*self._routes)))
        except StoreUnavailable as error:
            log.debug("nobody could be called: %s", error)
            return LOOK_SECONDS
        return LOOK_SECONDS if soonest is None else max(_SHORTEST_PAUSE, min(LOOK_SECONDS, soonest))

    def _acquire(self, place: _Place, patience: float) -> Lease:
        until = time.monotonic() + patience
        try:
            return self._ask(place, patience)
        except (AllBusy, AwaitingToken):
            if not place.queued:
                raise
        with self._waiting(place):
            while place.called.wait(left := max(until - time.monotonic(), 0.0)):
                place.called.clear()
                try:
                    return self._ask(place, left)
                except (AllBusy, AwaitingToken):
                    if not place.queued:
                        raise
            # Time is up; the last answer says how long it would take from now on.
            return self._ask(place, 0.0)

    def _ask(self, place: _Place, patience: float) -> Lease:
        lease = None
        place.wish = replace(place.wish, tripped=self._breaker.ask(place.ticket) - place.asked)
        try:
            lease = self._ask_source(place, patience)
        finally:
            self._breaker.chose(place.ticket, lease)
        return lease

    def _ask_source(self, place: _Place, patience: float) -> Lease:
        acquire = partial(self._source.acquire, place.wish, ticket=place.ticket, patience=patience)
        place.queued = True
        try:
            lease = Shielded(acquire, orphaned=self._source.release, refused=partial(self._leave, place)).result()
        except (AllBusy, AwaitingToken) as refusal:
            place.queued = patience > 0 and (refusal.retry_after or 0.0) <= patience  # as the source has it
            raise
        except (NoAccount, UpstreamDown):
            place.queued = False
            raise
        place.queued = False
        return lease

    @contextmanager
    def _waiting(self, place: _Place) -> Iterator[None]:
        self._routes[place.wish.routes] += 1
        self._changed(self.waiting)
        self._someone_came.set()
        try:
            yield
        finally:
            self._routes[place.wish.routes] -= 1
            if not self._routes[place.wish.routes]:
                del self._routes[place.wish.routes]
            self._changed(self.waiting)
            if place.queued:
                gevent.spawn(self._leave, place)  # in a greenlet that nobody kills

    def _leave(self, place: _Place) -> None:
        try:
            self._source.leave(place.ticket)
        except StoreUnavailable as error:
            log.debug("a ticket is left to expire: %s", error)
