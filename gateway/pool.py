"""The pool as requests see it: Redis while it answers, this worker's memory while it does not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Any, Final

import gevent
from gevent.event import Event as Flag
from gevent.queue import Queue

from gateway.holdings import Holdings
from gateway.metrics import Metrics
from gateway.mirror import Mirror, Timed
from gateway.sample import Samples
from gateway.standby import Standby
from kimi.accounts import ConfiguredAccount, State
from kimi.errors import StoreUnavailable
from kimi.pool import Bookmark, Lease, Leases, Members, PrivateAccounts, Released, Rest, Store, Summary, Wish
from kimi.pool.changes import Changes
from kimi.pool.extent import Extents
from kimi.pool.fuse import Fuse
from kimi.pool.leases import LEASE_SECONDS
from kimi.pool.private import Adoption, Known

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 1.0
"""Seconds between two looks whether Redis is back; a look at a silent one takes as long as a command may."""


class Pool:
    """Leases accounts, and goes on from memory within the same request when Redis fails.

    `store` has the `fuse`, `outside` is the same Redis without it: through that one is seen whether Redis is back.
    `calls` are the tickets that are called from memory, and None when everybody has to ask again.
    `run`, `hold` and `mirror.run` have to be running.
    """

    def __init__(
        self,
        store: Store,
        fuse: Fuse,
        outside: Store,
        metrics: Metrics,
        *,
        worker: str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self._leases, self._members = Leases(store, worker=worker), Members(store)
        self._private = PrivateAccounts(store)
        self._outside, self._outside_leases, self._outside_members = outside, Leases(outside), Members(outside)
        self._fuse = fuse
        self._metrics = metrics
        self._worker = worker
        self._clock = clock
        self._monotonic = monotonic
        self._pause = pause
        self._holdings = Holdings(clock)
        self._standby: Standby | None = None
        self._gone = Flag()
        self._gone_since = 0.0
        changes = Timed(Changes(store), metrics.store.observe)
        self.mirror = Mirror(changes, Samples(Extents(store), worker), pause=pause)
        self.calls: Any = Queue()
        fuse.when_blown(self._go_on)
        metrics.store_up.set(1)

    @property
    def away(self) -> bool:
        """Whether Redis is away."""
        return self._fuse.blown

    def acquire(self, wish: Wish, *, ticket: str = "", patience: float = 0.0) -> Lease:
        """As `Leases.acquire`. Raises `StoreUnavailable` only when nothing is in memory."""
        try:
            lease = self._leases.acquire(wish, ticket=ticket, patience=patience)
        except StoreUnavailable as error:
            lease = self._from_memory(error).acquire(wish, ticket=ticket, patience=patience)
            self._metrics.leases_from_memory.inc()
        else:
            self._holdings.add(lease)
        return lease

    def release(
        self, lease: Lease, *, rest: Rest | None = None, served: bool = False, keep: Bookmark | None = None
    ) -> Released:
        """As `Leases.release`. What Redis does not hear of now it is told when it is back, but of no conversation."""
        renewed = self._holdings.remove(lease)
        try:
            return self._leases.release(lease, rest=rest, served=served, renewed=renewed, keep=keep)
        except StoreUnavailable as error:
            return self._from_memory(error).release(lease, rest=rest, served=served)

    def renew(self) -> None:
        """Renews all leases of this worker. While Redis is away nothing is to do: it will be told who holds what."""
        with suppress(StoreUnavailable):
            self._leases.renew(self._holdings.for_renewal())

    def reject(self, lease: Lease) -> bool:
        """As `Leases.reject`."""
        try:
            return self._leases.reject(lease)
        except StoreUnavailable as error:
            return self._from_memory(error).reject(lease)

    def prove(self, lease: Lease) -> None:
        """As `Leases.prove`."""
        try:
            self._leases.prove(lease)
        except StoreUnavailable as error:
            self._from_memory(error).prove(lease)

    def mark(self, name: str, version: int, state: State, reason: str) -> bool:
        """As `Members.mark`."""
        try:
            return self._members.mark(name, version, state, reason)
        except StoreUnavailable as error:
            return self._from_memory(error).mark(name, version, state, reason)

    def leave(self, ticket: str) -> None:
        """As `Leases.leave`."""
        try:
            self._leases.leave(ticket)
        except StoreUnavailable as error:
            self._from_memory(error).leave(ticket)

    def look(self, routes: Collection[str]) -> float | None:
        """As `Leases.look`."""
        try:
            return self._leases.look(routes)
        except StoreUnavailable as error:
            return self._from_memory(error).look()

    def summary(self) -> Summary:
        """As `Members.summary`."""
        try:
            return self._members.summary()
        except StoreUnavailable as error:
            return self._from_memory(error).summary()

    def notice(self, members: Iterable[ConfiguredAccount]) -> dict[str, Known]:
        """As `PrivateAccounts.notice`."""
        members = tuple(members)
        try:
            return self._private.notice(members)
        except StoreUnavailable as error:
            return self._from_memory(error).notice(members)

    def adopt(self, member: ConfiguredAccount) -> Adoption:
        """As `PrivateAccounts.adopt`, which needs Redis."""
        return self._private.adopt(member)

    def run(self) -> None:
        """Waits for Redis to go away, and then for its return, for ever."""
        while True:
            self._gone.wait()
            seconds = FIRST_PAUSE
            while self._gone.is_set():
                self._pause(seconds)
                seconds = LONGEST_PAUSE
                self.look_for_redis()

    def hold(self, beside: Callable[[], object]) -> None:
        """Renews three times in each lease's life, for ever; `beside` is called in the same rounds."""
        while True:
            self._pause(LEASE_SECONDS / 3)
            self.renew()
            beside()

    def look_for_redis(self) -> bool:
        """Goes back to Redis if it takes writes again; whether it does."""
        try:
            self._outside.probe()
            if self._fuse.under_way:  # the answer to a command may still come, and with it a lease
                return False
            self._come_back()
        except StoreUnavailable as error:
            log.debug("Redis is not back: %s", error)
            return False
        return True

    def _from_memory(self, error: StoreUnavailable) -> Standby:
        """What stands in for Redis. Raises `error` where there is nothing in memory."""
        if self._standby is None:
            raise error
        return self._standby

    def _go_on(self, reason: str) -> None:
        self._gone_since = self._monotonic()
        self._metrics.store_up.set(0)
        copies = self.mirror.copies
        if copies is None:
            log.warning("%s; nothing can be served before it does, no account was read so far", reason)
        else:
            self._standby = Standby(
                copies.values(), self._holdings, worker=self._worker, clock=self._clock, call=self.calls.put
            )
            log.warning(
                "%s; this worker goes on with the %d accounts in its memory, by limits of its own, until Redis is back",
                reason,
                len(copies),
            )
        self.calls.put(None)
        self._gone.set()

    def _come_back(self) -> None:
        """Brings Redis up to date and goes back to it. Requests go on from memory meanwhile.

        Raises `StoreUnavailable`.
        """
        standby, held = self._standby, self._holdings.for_renewal()
        # A command whose answer never came may have leased something all the same.
        ended = self._outside_leases.abandon(self._worker, but=held)
        self._outside_leases.renew(held)
        told = standby.tell(self._outside_leases, self._outside_members) if standby else 0

        # From here to the mending nobody else runs.
        if standby:
            standby.close()
        known, now = ({lease.id: lease for lease in leases} for leases in (held, self._holdings.for_renewal()))
        new = [lease for lease in now.values() if lease.id not in known]
        over = [lease for lease in known.values() if lease.id not in now]
        self._standby = None
        self._gone.clear()
        self._fuse.mend()
        self._metrics.store_up.set(1)
        self.calls.put(None)
        log.warning(
            "Redis is back after %.1f s; told of %d running leases and %d failures, %d leases ended or never began",
            self._monotonic() - self._gone_since,
            len(held),
            told,
            ended,
        )
        self._settle(new, over)

    def _settle(self, new: Iterable[Lease], over: Iterable[Lease]) -> None:
        """Tells Redis of leases that were taken and given back while it was being told."""
        with suppress(StoreUnavailable):  # away again, and the next return will see to it
            self._leases.renew(new)
            for lease in over:
                self._leases.release(lease)
