"""Letting clients in as far as the limits of their keys allow, and noting what they took."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

from gateway.auth import Caller
from kimi.errors import StoreUnavailable
from kimi.events import Usage
from kimi.pool.client_limits import Limit, LimitReached, Standing
from kimi.pool.clients import Client

log = logging.getLogger(__name__)

_REMEMBERED: Final = 1_000
"""So many places that could not be given back; of more the oldest come back by themselves."""


class Place:
    """The place of a request among those of its key. Of this one nothing is counted.

    `standings` tell how the key stood with its limits when the request came in, as far as it has any.
    """

    def __init__(self, standings: tuple[Standing, ...] = ()) -> None:
        self.standings = standings

    def leave(self, usage: Usage | None) -> None:
        """The request has ended and took `usage`, as far as that is known. To be called in any case, once."""


FREE: Final = Place()


class Gate(Protocol):
    """Where requests come in that will ask an account."""

    def enter(self, caller: Caller) -> Place:
        """A place for a request of `caller`. Raises `LimitReached`."""
        ...


class OpenGate:
    """Lets everybody in."""

    def enter(self, _caller: Caller) -> Place:
        """A place that is not counted."""
        return FREE


OPEN: Final = OpenGate()


class Counts(Protocol):
    """Who counts, see `kimi.pool.client_limits.Limiter`. Every method may raise `StoreUnavailable`."""

    def enter(self, client: Client, place: str) -> tuple[Standing, ...]: ...

    def leave(self, client_id: str, place: str, tokens: int) -> None: ...

    def renew(self, places: Iterable[tuple[str, str]]) -> None: ...


class Turnstile:
    """Counts the requests of keys that have limits; others cost nothing.

    While Redis is away nobody can count, and everybody comes in. What answers took meanwhile is told later, and so is
    who has left: a Redis that hung counts those who came in as soon as it goes on.
    `refused` hears of each request that met a limit.
    """

    def __init__(
        self,
        counts: Counts,
        *,
        new_id: Callable[[], str] = lambda: os.urandom(16).hex(),
        refused: Callable[[Limit], object] = lambda _limit: None,
    ) -> None:
        self._counts = counts
        self._refused = refused
        self._new_id = new_id
        self._held: dict[str, str] = {}  # keys by the places that have to be renewed
        self._owed: dict[str, int] = {}  # tokens by the keys that took them
        self._left: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)  # keys, and places that may still be counted

    def enter(self, caller: Caller) -> Place:
        """A place for a request of `caller`. Raises `LimitReached`."""
        client = caller.key
        if client is None or not client.limits.are_counted:
            return FREE
        place = self._new_id()
        try:
            standings = self._counts.enter(client, place)
        except StoreUnavailable as error:
            log.debug("the request of a limited key is not counted: %s", error)
            standings = ()
        except LimitReached as reached:
            self._refused(reached.limit)
            raise
        if client.limits.concurrent is not None:
            self._held[place] = client.id
        return _Counted(self, client, place, standings)

    def renew(self) -> None:
        """Keeps the places of running requests, and tells what could not be told before.

        To be called every 15 s, and when this worker ends.
        """
        with suppress(StoreUnavailable):  # the next time
            self._counts.renew([(client_id, place) for place, client_id in self._held.items()])
            while self._owed:  # others may tell, or owe, meanwhile
                client_id, tokens = self._owed.popitem()
                self._tell(client_id, "", tokens)
            while self._left:
                self._tell(*self._left.popleft(), 0)

    def leave(self, client: Client, place: str, tokens: int) -> None:
        """The request `place` has ended and took so many tokens."""
        if self._held.pop(place, None) is None:
            place = ""  # of this one no place is counted
        if client.limits.tokens_per_day is None:
            tokens = 0
        if tokens or place:
            with suppress(StoreUnavailable):  # it is told later
                self._tell(client.id, place, tokens)

    def _tell(self, client_id: str, place: str, tokens: int) -> None:
        try:
            self._counts.leave(client_id, place, tokens)
        except StoreUnavailable:
            if tokens:
                self._owed[client_id] = self._owed.get(client_id, 0) + tokens
            if place:
                self._left.append((client_id, place))
            raise


class _Counted(Place):
    """One that is counted. Once it is left, the tokens that it took are among those that are no more there."""

    def __init__(self, turnstile: Turnstile, client: Client, place: str, standings: tuple[Standing, ...]) -> None:
        super().__init__(standings)
        self._turnstile = turnstile
        self._client = client
        self._place = place

    def leave(self, usage: Usage | None) -> None:
        tokens = 0 if usage is None else usage.prompt + usage.completion
        self.standings = tuple(each.less(tokens) if each.limit is Limit.TOKENS else each for each in self.standings)
        self._turnstile.leave(self._client, self._place, tokens)
