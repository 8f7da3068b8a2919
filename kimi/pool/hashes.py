"""Many hashes, and the names of all accounts, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kimi.pool.scanning import pages, scan
from kimi.pool.store import Store

PAGE: Final = 100
"""Hashes that are read in one round trip; whoever else the process serves waits for some milliseconds."""


def read(store: Store, keys: Sequence[str], fields: Sequence[str]) -> Iterator[dict[str, str]]:
    """What stands in each of the hashes `keys` (behind the prefix), in their order; what is empty is left out.

    Raises `StoreUnavailable`.
    """
    for page in pages(keys, PAGE):
        with store.guarded() as redis:
            pipe = redis.pipeline(transaction=False)
            for key in page:
                pipe.hmget(store.key(key), *fields)
            rows = pipe.execute()
        for row in rows:
            yield {name: text for name, text in zip(fields, row, strict=True) if text}


def account_names(store: Store) -> list[str]:
    """Every account that is configured, or was and is not forgotten yet. Raises `StoreUnavailable`."""
    names: set[str] = set()
    for page in scan(store, "sscan", "accounts"):
        names.update(page)
    return sorted(names)
