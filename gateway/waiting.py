"""Where requests wait for an account: first come, first served."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from gevent.event import Event as Flag

from gateway.shield import Shielded
from kimi.errors import AllBusy, AwaitingToken
from kimi.pool import Lease

LOOK_SECONDS = 1.0  # how often the first in line looks by itself, should a signal be lost


class LeaseSource(Protocol):
    """Where accounts come from."""

    def acquire(self, routes: Sequence[str], *, model: str, exclude: Collection[str] = ()) -> Lease: ...

    def release(self, lease: Lease) -> None: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request needs; requests with the same wish stand in one line."""

    routes: tuple[str, ...]
    model: str
    exclude: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Line:
    refusal: AllBusy | AwaitingToken  # what the first in line was told last
    places: deque[Flag] = field(default_factory=deque)


class WaitingRoom:
    """Leases accounts, and queues the requests for which none is free.

    Only the first of each line asks the pool, and only when it is told that an account may be free, so that a thousand
    waiting requests cost hardly more than one.
    """

    def __init__(self, leases: LeaseSource, seconds: float) -> None:
        self._leases = leases
        self._seconds = seconds
        self._lines: dict[Wish, _Line] = {}

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(len(line.places) for line in self._lines.values())

    def acquire(self, wish: Wish) -> Lease:
        """An account for the request, after at most the time that requests may wait.

        Raises `AllBusy` or `AwaitingToken` when that time is over or would not be enough, and `NoAccount` at once.
        """
        if wish in self._lines:
            return self._wait(wish, time.monotonic() + self._seconds)
        try:
            return self._ask(wish)
        except (AllBusy, AwaitingToken) as refusal:
            if self._hopeless(refusal, self._seconds):
                raise
            self._lines.setdefault(wish, _Line(refusal))
        return self._wait(wish, time.monotonic() + self._seconds)

    def announce(self, routes: Collection[str]) -> None:
        """An account that serves `routes` can be leased; with no routes, any may be."""
        for wish, line in self._lines.items():
            if not routes or not set(routes).isdisjoint(wish.routes):
                line.places[0].set()

    def _ask(self, wish: Wish) -> Lease:
        acquire = partial(self._leases.acquire, wish.routes, model=wish.model, exclude=wish.exclude)
        return Shielded(acquire, orphaned=self._leases.release).result()

    def _wait(self, wish: Wish, until: float) -> Lease:
        with self._place(wish) as (line, called):
            while (left := until - time.monotonic()) > 0:
                if line.places[0] is not called:
                    called.wait(left)
                    continue
                called.clear()  # before asking: what is freed from here on calls again
                try:
                    return self._ask(wish)
                except (AllBusy, AwaitingToken) as refusal:
                    line.refusal = refusal
                    if self._hopeless(refusal, left):
                        raise
                    called.wait(min(left, LOOK_SECONDS, refusal.retry_after or LOOK_SECONDS))
            raise type(line.refusal)(str(line.refusal), retry_after=line.refusal.retry_after)

    @contextmanager
    def _place(self, wish: Wish) -> Iterator[tuple[_Line, Flag]]:
        line = self._lines[wish]
        called = Flag()
        line.places.append(called)
        try:
            yield line, called
        finally:
            line.places.remove(called)
            if line.places:
                line.places[0].set()
            else:
                del self._lines[wish]

    @staticmethod
    def _hopeless(refusal: AllBusy | AwaitingToken, left: float) -> bool:
        """Whether it is known that the seconds left are not enough."""
        return left <= 0 or (refusal.retry_after or 0) > left
