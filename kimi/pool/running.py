"""Which accounts are leased, and how often."""

from __future__ import annotations

from collections import Counter
from typing import Final

from kimi.pool.store import Store

PAGE: Final = 1_000
"""Leases that are read in one step."""


def running(store: Store, most: int) -> Counter[str] | None:
    """Leases by the name of their account; None where there are more than `most` of them.

    One that begins or ends meanwhile may be missing. Raises `StoreUnavailable`.
    """
    leases: set[str] = set()
    with store.guarded() as redis:
        count = redis.zcard(store.key("leases"))
    if count > most:
        return None
    cursor = 0
    while True:
        with store.guarded() as redis:
            cursor, page = redis.zscan(store.key("leases"), cursor, count=PAGE)
        leases.update(lease for lease, _ in page)
        if cursor == 0:
            return Counter(lease.partition(":")[2] for lease in leases)
