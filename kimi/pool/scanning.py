"""Walking through what may be large, in steps: whoever else asks Redis waits for a page at the most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeVar

from kimi.pool.store import Store

Item = TypeVar("Item")

PAGE: Final = 1_000
"""Members, or fields, that Redis looks at in one step."""


def scan(
    store: Store, command: Literal["hscan", "sscan", "zscan"], *key: str, match: str | None = None, page: int = PAGE
) -> Iterator[Any]:
    """What the key holds, in pages as redis-py gives them. What is there throughout comes once, or several times.

    Raises `StoreUnavailable`.
    """
    cursor = 0
    while True:
        with store.guarded() as redis:
            cursor, found = getattr(redis, command)(store.key(*key), cursor, match=match, count=page)
        yield found
        if cursor == 0:
            return


def pages(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """`size` of them after the other."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
