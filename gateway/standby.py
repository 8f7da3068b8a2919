"""Leasing from memory while Redis is away."""

from __future__ import annotations

import heapq
import math
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from hmac import compare_digest

from gateway.holdings import Holdings
from gateway.seats import Place, Seat, waiting_helps, why_nobody
from kimi.accounts import ConfiguredAccount, State
from kimi.errors import AccountBusy, AwaitingToken, NoAccount, PoolError, Unreadable, UpstreamDown
from kimi.pool import Lease, Leases, Members, Released, Rest, Summary, Wish
from kimi.pool.changes import Copy
from kimi.pool.fingerprints import fingerprint
from kimi.pool.leases import TRIES
from kimi.pool.private import Known

Note = Callable[[Leases, Members], object]
"""Tells the pool something that it has missed."""


class Standby:
    """What stands in for the pool during one outage, by the same rules, with the accounts as they were known before.

    Every worker is alone meanwhile: it holds its own limits, and its queue is its own.
    `call` is given the ticket whose turn it is; an account has been leased for it already.
    """

    def __init__(
        self,
        copies: Iterable[Copy],
        holdings: Holdings,
        *,
        worker: str,
        clock: Callable[[], float],
        call: Callable[[str], object],
    ) -> None:
        self._holdings = holdings
        self._worker = worker
        self._clock = clock
        self._call = call
        known = {copy.account.name: copy for copy in (*map(_leased, holdings.leases), *copies)}
        self._seats = {name: Seat.of(copy, worker, holdings) for name, copy in known.items()}
        self._orders: dict[tuple[str, ...], list[Seat]] = {}
        self._queue: dict[str, Wish] = {}
        self._granted: dict[str, Lease] = {}
        self._alarms: list[tuple[float, str]] = []
        for seat in self._seats.values():
            for until in (seat.rests_until, *seat.refused.values()):
                self._set_alarm(seat, until)
        self._notes: dict[tuple[str, ...], Note] = {}

    def acquire(self, wish: Wish, *, ticket: str = "", patience: float = 0.0) -> Lease:
        """As `Leases.acquire`, but the least loaded first, in this worker's own order."""
        self._note_time()
        granted = self._granted.pop(ticket, None)
        if granted is not None:
            if granted.account.line not in wish.tripped:
                return granted
            self.release(granted)
        try:
            lease = self._best(wish, patience)
        except (PoolError, UpstreamDown) as why:
            if ticket and waiting_helps(why, patience):
                self._queue[ticket] = wish  # it stands where it stood
            else:
                self._queue.pop(ticket, None)
            raise
        self._queue.pop(ticket, None)
        return lease

    def _best(self, wish: Wish, patience: float) -> Lease:
        unreadable: Unreadable | None = None
        for _ in range(TRIES):
            try:
                return self._lease(self._choose(wish, patience))
            except Unreadable as error:
                unreadable = error
            except NoAccount as none:
                if unreadable is None or isinstance(none, AwaitingToken):
                    raise
                raise unreadable from None
        raise unreadable or NoAccount

    def release(self, lease: Lease, *, rest: Rest | None = None, served: bool = False) -> Released:
        """As `Leases.release`; no conversation can be kept."""
        self._holdings.remove(lease)
        seat = self._seats.get(lease.account.name)
        if seat is None:
            return Released(0.0)
        seconds = 0.0
        if rest is not None:
            now = self._clock()
            seconds = seat.strike(lease, rest, now)
            if rest.kind != AccountBusy.__name__:  # the other stream was our own as a rule: Redis knows of it soon
                self._notes["rest", seat.name, rest.model] = self._note_of(lease, rest, now + seconds)
            self._set_alarm(seat, now + seconds)
            if rest.organisation:
                self._rest_organisation(seat)
        elif served:
            seat.praise(lease, self._clock())
        self._offer(seat)
        return Released(seconds)

    def _rest_organisation(self, seat: Seat) -> None:
        for other in self._seats.values():
            if other is not seat and other.organisation == seat.organisation and other.rest_with(seat):
                self._set_alarm(other, other.rests_until)

    def leave(self, ticket: str) -> None:
        """As `Leases.leave`."""
        self._queue.pop(ticket, None)
        granted = self._granted.pop(ticket, None)
        if granted is not None:
            self.release(granted)

    def look(self) -> float | None:
        """As `Leases.look`, for all routes."""
        self._note_time()
        return max(0.0, self._alarms[0][0] - self._clock()) if self._alarms else None

    def reject(self, lease: Lease) -> bool:
        """As `Leases.reject`; there is no other token before Redis is back."""
        seat = self._seats.get(lease.account.name)
        if seat is None or seat.copy.version != lease.version or not seat.good_until:
            return False
        seat.good_until = 0.0
        self._notes["reject", seat.name] = lambda leases, _: leases.reject(lease)
        return True

    def prove(self, lease: Lease) -> None:
        """As `Leases.prove`."""
        if (seat := self._seats.get(lease.account.name)) is not None:
            seat.prove(lease, self._clock())
            self._offer(seat)

    def mark(self, name: str, version: int, state: State, reason: str) -> bool:
        """As `Members.mark`."""
        seat = self._seats.get(name)
        if seat is None or seat.copy.version != version or not seat.serves:
            return False
        seat.serves = False
        self._notes["mark", name] = lambda _, members: members.mark(name, version, state, reason)
        return True

    def summary(self) -> Summary:
        """As `Members.summary`."""
        now = self._clock()
        seats = [seat for seat in self._seats.values() if seat.copy.routes and not seat.copy.account.owner]
        routes = frozenset(route for seat in seats for route in seat.copy.routes)
        return Summary(sum(seat.usable(now) for seat in seats), routes)

    def notice(self, members: Iterable[ConfiguredAccount]) -> dict[str, Known]:
        """As `PrivateAccounts.notice`."""
        now = self._clock()
        return {
            seat.name: seat.known(now)
            for member in members
            if (seat := self._seats.get(member.account.name)) is not None
            and compare_digest(seat.copy.fingerprint, fingerprint(member.secret))
            and seat.copy.account == member.account
        }

    def tell(self, leases: Leases, members: Members) -> int:
        """Tells the pool what it missed; how much that was. Raises `StoreUnavailable`.

        What is told is forgotten first: nothing that Redis stumbles over is told again and again.
        """
        told = 0
        while self._notes:
            _, note = self._notes.popitem()
            note(leases, members)
            told += 1
        return told

    def close(self) -> None:
        """Nobody is served from memory any more: gives back what was leased for those who have not come for it."""
        for lease in self._granted.values():
            self._holdings.remove(lease)
        self._granted.clear()
        self._queue.clear()

    def _note_of(self, lease: Lease, rest: Rest, until: float) -> Note:
        """For telling what is left of a rest then."""

        def tell(leases: Leases, _: Members) -> None:
            left = until - self._clock()
            if left > 0:
                leases.release(lease, rest=replace(rest, told=left))

        return tell

    def _choose(self, wish: Wish, patience: float) -> Seat:
        now = self._clock()
        best: Seat | None = None
        places: set[Place] = set()
        rested = float("inf")
        for seat in self._fitting(wish):
            if best is not None and (not best.load or seat.priority < best.priority):
                break
            place = seat.place(wish, now)
            if place is not Place.READY:
                places.add(place)
                rested = min(rested, seat.rests_until) if place is Place.COOLING else rested
            elif best is None or seat.fill < best.fill:
                best = seat
        if best is None:
            raise why_nobody(places, rested - now, patience)
        return best

    def _fitting(self, wish: Wish) -> list[Seat]:
        """All that serve one of its routes, or, of them, the only one that will do."""
        if not wish.only:
            return self._in_order(wish.routes)
        seat = self._seats.get(wish.only)
        return [] if seat is None or set(wish.routes).isdisjoint(seat.copy.routes) else [seat]

    def _in_order(self, routes: tuple[str, ...]) -> list[Seat]:
        """All that serve one of `routes`, by priority and then as this worker likes them."""
        if routes not in self._orders:
            wanted = set(routes)
            fitting = [seat for seat in self._seats.values() if not wanted.isdisjoint(seat.copy.routes)]
            self._orders[routes] = sorted(fitting, key=lambda seat: (-seat.priority, seat.order))
        return self._orders[routes]

    def _lease(self, seat: Seat) -> Lease:
        """Raises `Unreadable` where the account cannot be opened, which then is out until Redis is back."""
        copy, now = seat.copy, self._clock()
        try:
            copy.account.proxy_to_dial()
            lease_id, is_probe = f"{self._worker}.{uuid.uuid4().hex}", seat.is_half_open
            lease = Lease(lease_id, copy.account, copy.token, copy.version, now, is_probe)
        except Unreadable:
            seat.serves = False
            raise
        self._holdings.add(lease)
        seat.granted(lease)
        self._set_alarm(seat, seat.rests_until)
        return lease

    def _set_alarm(self, seat: Seat, until: float) -> None:
        if until > self._clock():
            heapq.heappush(self._alarms, (until, seat.name))

    def _note_time(self) -> None:
        """Offers the accounts that have rested meanwhile, or whose refusals are over, to those who wait."""
        now = self._clock()
        while self._alarms and self._alarms[0][0] <= now:
            self._offer(self._seats[heapq.heappop(self._alarms)[1]])

    def _offer(self, seat: Seat) -> None:
        """Leases the account for those who wait longest, as far as it goes, and calls them."""
        now = self._clock()
        for ticket, wish in list(self._queue.items()):
            if seat.load >= seat.limit:
                return
            if not set(wish.routes).isdisjoint(seat.copy.routes) and seat.place(wish, now) is Place.READY:
                with suppress(Unreadable):
                    self._granted[ticket] = self._lease(seat)
                    del self._queue[ticket]
                    self._call(ticket)


def _leased(lease: Lease) -> Copy:
    """What is known of an account from a lease of before, where there is no copy: nobody is given it, and what becomes
    of it is noted.
    """
    return Copy(
        account=lease.account,
        routes=(),
        configured=True,
        serves=True,
        stored_token=lease.token,
        version=lease.version,
        expires=math.inf,
        cool_until=0.0,
        strikes=0,
        strike_kind="",
        struck=0.0,
        refused={},
    )
