"""Accounts whose records nobody understands, beside others: somebody has written them by hand."""

from __future__ import annotations

import pytest

from kimi.accounts import ConfiguredAccount
from kimi.errors import Garbled
from kimi.pool.changes import Changes
from kimi.pool.resealing import Resealing
from tests.kimi.pool.pools import Pool, web

WRITTEN = [("spec", '{"name": "b"'), ("spec", "[]"), ("spec", "{}"), ("spec", None), ("version", "x"), ("state", "y")]


def write(pool: Pool, field: str, value: str | None) -> None:
    """Into the record of b."""
    account = pool.store.key("account", "b")
    if value is None:
        pool.store.redis.hdel(account, field)
    else:
        pool.store.redis.hset(account, field, value)


@pytest.mark.parametrize(("field", "value"), WRITTEN)
def test_others_are_read_all_the_same(pool: Pool, field: str, value: str | None) -> None:
    pool.fill(*map(web, "abc"))
    write(pool, field, value)
    assert [record.account.name for record in pool.members.all()] == ["a", "c"]
    _, garbled = pool.members.sorted_out()
    assert [*garbled] == ["b"]
    with pytest.raises(Garbled):
        pool.members.get("b")
    assert {copy.account.name for copy in Changes(pool.store).since(0).copies} - {"b"} == {"a", "c"}
    assert Resealing(pool.store).status().unreadable == 0


def test_it_is_not_lost(pool: Pool) -> None:
    configured = [ConfiguredAccount(web(name), name) for name in "abc"]
    pool.members.sync(configured)
    for field, value in WRITTEN:
        write(pool, field, value)
    assert pool.members.traced(configured) == {"a", "b", "c"}


@pytest.mark.parametrize(("field", "value"), WRITTEN)
def test_it_keeps_nobody_from_entering_others(pool: Pool, field: str, value: str | None) -> None:
    pool.configure(*map(web, "abc"))
    write(pool, field, value)
    configured = [ConfiguredAccount(web(name, max_concurrency=7), f"new-{name}") for name in "abcd"]
    report = pool.members.sync(configured)
    assert {*report.added, *report.updated, *report.revived} - {"b"} == {"a", "c", "d"}
    assert {*report.unreadable} <= {"b"}


def test_where_its_key_is_deleted_it_is_entered_anew(pool: Pool) -> None:
    configured = [ConfiguredAccount(web(name), name) for name in "ab"]
    pool.members.sync(configured)
    write(pool, *WRITTEN[0])
    assert pool.members.sync(configured).unreadable == ("b",)
    pool.store.redis.delete(pool.store.key("account", "b"))
    assert pool.members.traced(configured) == {"a"}
    pool.members.sync(configured)
    assert [record.account.name for record in pool.members.all()] == ["a", "b"]
