"""The table of keys in `kimi.pool` has every key that stands in Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import kimi.pool
from kimi.errors import AllBusy
from kimi.pool.due import DueRefreshes, Room
from kimi.pool.interventions import Interventions
from kimi.pool.neighbours import Neighbours
from kimi.pool.schema import Schema
from tests.kimi.pool.pools import Pool, take, web, wish


def rows() -> Iterator[tuple[re.Pattern[str], str]]:
    """What the names look like, and the types that stand beside them. A word in capitals is anything."""
    assert kimi.pool.__doc__ is not None
    for line in kimi.pool.__doc__.splitlines():
        if line.startswith("| `"):
            _, cell, types, *_ = line.split("|")
            first, *others = re.findall(r"`([^`]+)`", cell)
            stem = first.rpartition(":")[0] or first
            for name in (first, *(stem + other if other.startswith(":") else other for other in others)):
                parts = re.split(r"([A-Z][A-Z0-9]*)", name)
                pattern = "".join("(.+)" if part.isupper() else re.escape(part) for part in parts)
                yield re.compile(pattern), types


def wait(pool: Pool, ticket: str, *, only: str = "") -> None:
    with pytest.raises(AllBusy):
        pool.leases.acquire(wish(only=only), ticket=ticket, patience=15)


def test_every_key_is_in_the_table_with_its_type(pool: Pool) -> None:
    store, client = pool.store, pool.store.redis
    pool.fill(web("a"))
    Schema(store, "w").check()
    lease = take(pool)
    wait(pool, "w.1")
    wait(pool, "w.2", only="a")
    pool.leases.look(["kimi"])
    Interventions(store).hurry("a")
    pool.configure(web("a"), *(web(f"b{number}") for number in range(40)))
    Neighbours(store).names()
    DueRefreshes(store, rate=10).take(2, Room(9))
    assert client.zrange(store.key("route", "kimi", "queue"), 0, -1) == ["w.1", "w.2"]
    pool.leases.release(lease, served=True)
    told = tuple(rows())
    standing = {key.removeprefix(store.prefix): client.type(key) for key in client.scan_iter(store.key("*"))}
    assert len(standing) > 20
    untold = {
        name: of
        for name, of in standing.items()
        if not any(pattern.fullmatch(name) and of in types for pattern, types in told)
    }
    assert untold == {}
