"""Some fields of many hashes."""

from __future__ import annotations

from kimi.pool.hashes import PAGE, account_names, read
from kimi.pool.scanning import PAGE as NAMES
from tests.kimi.pool.counting import Counting
from tests.kimi.pool.pools import Pool, web


def counting(pool: Pool) -> Counting:
    return Counting(pool.store.redis, vault=pool.store.vault, clock=pool.clock)


def test_they_come_in_the_order_asked_for_without_what_is_empty_or_not_there(pool: Pool) -> None:
    for name, field in (("one", "1"), ("two", "")):
        pool.store.redis.hset(pool.store.key(name), mapping={"a": field, "b": "x", "c": "y"})
    assert list(read(pool.store, ["two", "none", "one"], ("a", "b", "d"))) == [{"b": "x"}, {}, {"a": "1", "b": "x"}]
    assert list(read(pool.store, [], ("a",))) == []


def test_no_round_trip_has_more_than_a_page_of_them(pool: Pool) -> None:
    keys = [f"h:{number}" for number in range(2 * PAGE + 1)]
    for key in keys:
        pool.store.redis.hset(pool.store.key(key), "a", key)
    store = counting(pool)
    assert [row["a"] for row in read(store, keys, ("a",))] == keys
    assert store.trips == 3


def test_accounts_are_known_by_name_also_when_they_are_out_of_the_configuration(pool: Pool) -> None:
    pool.configure(web("b"), web("a"))
    pool.configure(web("b"))
    assert account_names(pool.store) == ["a", "b"]


def test_the_names_of_many_are_read_in_several_steps(pool: Pool) -> None:
    names = [f"a{number:04}" for number in range(2 * NAMES)]
    pool.store.redis.sadd(pool.store.key("accounts"), *names)
    store = counting(pool)
    assert account_names(store) == names
    assert store.trips > 1
