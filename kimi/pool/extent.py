"""How large the pool is, for whoever cannot hold all of it."""

from __future__ import annotations

from dataclasses import dataclass

from kimi.pool.store import Store


@dataclass(frozen=True, slots=True)
class Extent:
    """How many accounts are configured: the operator's, and those that clients have brought along.

    Of the operator's so many are `usable`: in service, with an access token.
    """

    operators: int = 0
    guests: int = 0
    usable: int = 0


class Extents:
    """Measures it, in one round trip each, whatever the size. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def measure(self) -> Extent:
        """How large the pool is. What is taken out just now may count for either."""
        with self._store.guarded() as redis:
            pipe = redis.pipeline(transaction=False)
            pipe.scard(self._store.key("accounts"))
            for of in ("gone", "private", "usable"):
                pipe.zcard(self._store.key(of))
            known, gone, guests, usable = pipe.execute()
        return Extent(max(0, known - gone - guests), guests, usable)

    def draw(self, most: int) -> frozenset[str]:
        """So many usable accounts at random; all where there are no more."""
        with self._store.guarded() as redis:
            return frozenset(redis.zrandmember(self._store.key("usable"), most))

    def rare(self, most: int) -> frozenset[str]:
        """The names of all that serve a route together with no more than `most - 1` others."""
        with self._store.guarded() as redis:
            routes = sorted(redis.smembers(self._store.key("routes")))  # as many as there are models
            pipe = redis.pipeline(transaction=False)
            for route in routes:
                pipe.scard(self._store.key("route", route, "members"))
            sizes = pipe.execute()
            pipe = redis.pipeline(transaction=False)
            for route, size in zip(routes, sizes, strict=True):
                if size <= most:
                    pipe.smembers(self._store.key("route", route, "members"))
            return frozenset().union(*pipe.execute())
