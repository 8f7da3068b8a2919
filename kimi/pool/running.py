"""Which accounts are leased, and how often."""

from __future__ import annotations

from collections import Counter

from kimi.pool.scanning import scan
from kimi.pool.store import Store


def running(store: Store, most: int) -> Counter[str] | None:
    """Leases by the name of their account; None where there are more than `most` of them.

    One that begins or ends meanwhile may be missing. Raises `StoreUnavailable`.
    """
    with store.guarded() as redis:
        count = redis.zcard(store.key("leases"))
    if count > most:
        return None
    leases = {lease for page in scan(store, "zscan", "leases") for lease, _ in page}
    return Counter(lease.partition(":")[2] for lease in leases)
