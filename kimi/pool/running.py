"""Which accounts are leased, and how often."""

from __future__ import annotations

from collections import Counter
from typing import Final

from kimi.pool.store import Store

PAGE: Final = 1_000
"""Leases that are read in one step."""


def running(store: Store, most: int) -> Counter[str]:
    """Leases by the name of their account, or nothing where there are more than `most` of them.

    Some may begin or end between two steps and be missing. Raises `StoreUnavailable`.
    """
    leases: set[str] = set()
    with store.guarded() as redis:
        count = redis.zcard(store.key("leases"))
    if count > most:
        return Counter()
    for start in range(0, count, PAGE):
        with store.guarded() as redis:
            leases.update(redis.zrange(store.key("leases"), start, start + PAGE - 1))
    return Counter(lease.partition(":")[2] for lease in leases)
