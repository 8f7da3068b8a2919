"""Who may ask how much with a client key, counted over all workers and replicas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from kimi.pool.clients import Client
from kimi.pool.store import Store, to_ms

PLACE_SECONDS: Final = 45.0
"""How long a request has its place among those that run at the same time, unless it is renewed."""


class Limit(StrEnum):
    """What of a key is counted."""

    REQUESTS = "requests_per_minute"
    TOKENS = "tokens_per_day"
    CONCURRENT = "concurrent"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a key stands with a limit: of `most` so many are `left`, and all of them again in `seconds`.

    Of requests at the same time nobody knows when that is: it is None.
    """

    limit: Limit
    most: int
    left: int
    seconds: float | None

    def less(self, taken: int) -> Standing:
        """The same when so many more are taken."""
        return replace(self, left=max(0, self.left - taken))


class LimitReached(Exception):
    """The key has had all that a limit of `most` lets it have. Trying again makes sense after `retry_after` seconds."""

    def __init__(self, limit: Limit, most: int, retry_after: float, standings: tuple[Standing, ...] = ()) -> None:
        super().__init__(f"{limit.value} is {most}")
        self.limit = limit
        self.most = most
        self.retry_after = retry_after
        self.standings = standings


class Limiter:
    """Counts the requests of keys that have limits. Every method may raise `StoreUnavailable`.

    Requests are counted over any 60 seconds, tokens over a day of UTC, once the answer that took them has ended: the
    answers that run when the last token is taken go on.
    """

    def __init__(self, store: Store, *, seconds: float = PLACE_SECONDS) -> None:
        self._store = store
        self._seconds = seconds

    def enter(self, client: Client, place: str) -> tuple[Standing, ...]:
        """Counts a request, which is called `place`; how the key stands then with each of its limits.

        All limits are looked at and counted in one step. Raises `LimitReached`, and counts nothing then.
        """
        limits = client.limits
        counts = (limits.requests_per_minute or 0, limits.tokens_per_day or 0, limits.concurrent or 0)
        reached, wait, *figures = self._store.run("client_enter", client.id, place, to_ms(self._seconds), *counts)
        requests, all_requests, tokens, day, places = map(int, figures)
        known = (
            Standing(Limit.REQUESTS, counts[0], requests, all_requests / 1000),
            Standing(Limit.TOKENS, counts[1], tokens, day / 1000),
            Standing(Limit.CONCURRENT, counts[2], places, None),
        )
        standings = tuple(each for each in known if each.most)
        if reached:
            most = next(each.most for each in standings if each.limit == reached)
            raise LimitReached(Limit(reached), most, int(wait) / 1000, standings)
        return standings

    def leave(self, client_id: str, place: str, tokens: int) -> None:
        """The request `place` has ended, and took so many tokens."""
        self._store.run("client_leave", client_id, place, tokens)

    def renew(self, places: Iterable[tuple[str, str]]) -> None:
        """Requests that still run, each after the id of its key, keep their places."""
        words = [word for pair in places for word in pair]
        if words:
            self._store.run("client_renew", to_ms(self._seconds), *words)
