"""What a worker has left behind in the pool: it is looked for in pages, while others go on."""

from __future__ import annotations

import re

from kimi.pool.scanning import scan
from kimi.pool.store import Store


def leases_of(store: Store, worker: str) -> list[str]:
    """Its leases, as they stand in Redis. Raises `StoreUnavailable`."""
    return _its(store, worker, "leases")


def tickets_of(store: Store, worker: str) -> list[str]:
    """The same of the tickets with which it waits for accounts that serve everybody."""
    with store.guarded() as redis:
        routes = redis.smembers(store.key("routes"))
    return sorted({ticket for route in routes for ticket in _its(store, worker, "route", route, "queue")})


def _its(store: Store, worker: str, *key: str) -> list[str]:
    """The members of a sorted set that begin with its name and a dot."""
    pattern = re.sub(r"([*?\[\]\\])", r"\\\1", worker) + ".*"
    return sorted({member for page in scan(store, "zscan", *key, match=pattern) for member, _ in page})
