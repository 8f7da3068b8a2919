"""Accounts as one worker sees them that cannot ask anybody."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.holdings import Holdings
from kimi.accounts import State
from kimi.errors import AllBusy, AwaitingToken, PoolError, UpstreamDown
from kimi.pool import Lease, Rest, Wish
from kimi.pool.changes import Copy
from kimi.pool.leases import refusal
from kimi.pool.private import Known, public_route

_MOST_STRIKES: Final = 64
_ANSWERED: Final = "*"  # in the place of a probe's lease, once that is answered; as in the pool's scripts


class Place(StrEnum):
    """Where an account stands for a request; the words are those of the pool's script."""

    READY = "ready"
    BUSY = "busy"
    COOLING = "cooling"
    PENDING = "pending"  # without a good access token
    TRIPPED = "tripped"  # it could serve, but not be reached
    TRIED = "tried"  # it serves, but not this request
    OUT = "none"


def preference(worker: str, name: str, weight: float) -> float:
    """Where an account stands in a worker's own order, lower first.

    Every worker has another one, in which heavy accounts tend to stand in front (rendezvous hashing by weight), so
    that workers who do not see each other seldom take the same account.
    """
    digest = hashlib.blake2b(f"{worker}\n{name}".encode(), digest_size=8).digest()
    return -math.log((int.from_bytes(digest) + 1) / (2**64 + 1)) / weight


@dataclass(eq=False, slots=True)
class Seat:
    """One account: what was known of it when Redis went away, and what this worker has found out since.

    It follows the same rules as the pool's scripts. Times are in Unix seconds.
    """

    copy: Copy
    order: float
    holdings: Holdings
    name: str
    priority: int
    line: str
    serves: bool
    good_until: float  # the access token, 0 when it is refused
    rests_until: float
    strikes: int
    strike_kind: str
    struck: float
    refused: dict[str, float]
    organisation: str
    probe: str = ""  # the lease by which it was tried last after a failure

    @classmethod
    def of(cls, copy: Copy, worker: str, holdings: Holdings) -> Seat:
        """The seat of an account in the order of `worker`, which has `holdings`."""
        account = copy.account
        return cls(
            copy=copy,
            order=preference(worker, account.name, account.weight),
            holdings=holdings,
            name=account.name,
            priority=account.priority,
            line=account.line,
            serves=copy.serves,
            good_until=copy.expires if copy.stored_token else 0.0,
            rests_until=max(copy.cool_until, holdings.spent_until(account.name)),
            strikes=copy.strikes,
            strike_kind=copy.strike_kind,
            struck=copy.struck,
            refused=dict(copy.refused),
            organisation=copy.organisation,
        )

    @property
    def load(self) -> int:
        """How many leases of this worker it has."""
        return self.holdings.loads.get(self.name, 0)

    @property
    def limit(self) -> int:
        """How many it may have; after a failure one request tries it, beside what runs already."""
        if not self.is_half_open:
            return self.copy.account.max_concurrency
        return min(self.copy.account.max_concurrency, self.load + (not self.holdings.holds(self.probe)))

    @property
    def is_half_open(self) -> bool:
        """Whether it has failed, and no answer of it has begun since."""
        return self.strikes > 0 and self.probe != _ANSWERED

    @property
    def fill(self) -> float:
        """How much of its limit is used."""
        return self.load / self.limit

    def usable(self, now: float) -> bool:
        """Whether it is in service with a good token."""
        return self.serves and self.good_until > now

    def known(self, now: float) -> Known:
        """What is known of it as an account of somebody's own; of one out of service not why."""
        routes = tuple(public_route(route) for route in self.copy.routes)
        return Known(self.name, State.ACTIVE if self.serves else State.PAUSED, self.usable(now), routes)

    def place(self, wish: Wish, now: float) -> Place:
        """Where it stands for a request along one of its routes."""
        if not self.serves or wish.only not in ("", self.name):
            return Place.OUT
        if self.name in wish.exclude or (self.refused and self.refused.get(wish.model, 0.0) > now):
            return Place.TRIED
        if self.line in wish.tripped:
            return Place.TRIPPED
        if self.good_until <= now:
            return Place.PENDING
        if self.rests_until > now:
            return Place.COOLING
        return Place.BUSY if self.load >= self.limit else Place.READY

    def granted(self, lease: Lease) -> None:
        """It has been leased."""
        self.rests_until = max(self.rests_until, self.holdings.spent_until(self.name))
        if self.is_half_open:
            self.probe = lease.id

    def strike(self, lease: Lease, rest: Rest, now: float) -> float:
        """A request has failed: for how many seconds the account rests now, or the model of it."""
        if rest.model:
            seconds = rest.first if rest.told is None else rest.told
            self.refused[rest.model] = now + seconds
            return seconds
        seconds = 0.0
        if self._is_news(lease, now):
            self.strikes = min(self.strikes + 1, _MOST_STRIKES) if self.strike_kind == rest.kind else 1
            self.strike_kind, self.struck, self.probe = rest.kind, now, ""
            seconds = min(rest.most, rest.first * rest.factor ** (self.strikes - 1))
        if rest.told is not None:
            seconds = rest.told
        self.rests_until = max(self.rests_until, now + seconds)
        self.organisation = rest.organisation or self.organisation
        return max(0.0, self.rests_until - now)

    def rest_with(self, other: Seat) -> bool:
        """The limit that `other` met is this one's as well; whether it rests longer for that."""
        if other.rests_until <= self.rests_until:
            return False
        self.rests_until, self.strikes = other.rests_until, max(other.strikes, 1)
        self.strike_kind, self.struck, self.probe = other.strike_kind, other.struck, ""
        return True

    def prove(self, lease: Lease, now: float) -> None:
        """A request is being answered, though it may break off yet: it may have others beside that."""
        if self.strikes and self._is_news(lease, now):
            self.probe = _ANSWERED

    def praise(self, lease: Lease, now: float) -> None:
        """A request was served: the row of failures is over."""
        if self._is_news(lease, now):
            self.strikes, self.strike_kind = 0, ""

    def _is_news(self, lease: Lease, now: float) -> bool:
        """Whether the lease was granted after the last strike; what failed beside it is the same incident.

        A strike that is still to come was told by Redis's clock, which is ahead of this one.
        """
        return lease.granted > self.struck or self.struck > now


def why_nobody(places: Collection[Place], left: float, patience: float) -> PoolError | UpstreamDown:
    """Why nobody could be had, where accounts stand in `places` and the first has rested in `left` seconds."""
    for place in (Place.BUSY, Place.COOLING, Place.PENDING, Place.TRIPPED, Place.TRIED):
        if place in places:
            why = refusal(place, left if place is Place.COOLING and Place.PENDING not in places else None)
            is_cut_off = Place.TRIPPED in places and not waiting_helps(why, patience)
            return refusal(Place.TRIPPED) if is_cut_off else why
    return refusal(Place.OUT)


def waiting_helps(why: PoolError | UpstreamDown, patience: float) -> bool:
    """Whether somebody may be had within `patience` seconds."""
    may_help = isinstance(why, (AllBusy, AwaitingToken)) and patience > 0
    return may_help and (why.retry_after or 0.0) <= patience
