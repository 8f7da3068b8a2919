"""What was told of, as the store keeps it, and who watches."""

from __future__ import annotations

import orjson
import pytest

from kimi.alerts.ledger import Entry, Told
from kimi.alerts.notes import Rule
from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.alerts import PAGE, Active, AlertBook, Hold
from tests.kimi.pool.pools import Pool

DEAD = Entry(rule=Rule.DEAD, subject="a:b 小明", since=1_800_000_000.5, told={"x": Told(1_800_000_001.25, over=False)})
LOW = Entry(rule=Rule.LOW, subject="", since=1.5, over=2.5)
ACTIVE = Active(rule=Rule.DEAD, subjects=("a", "b"), count=7, since=1.5, figure=3, limit=1)


@pytest.fixture
def book(pool: Pool) -> AlertBook:
    return AlertBook(pool.store)


def test_one_watches_until_it_stops_saying_so(pool: Pool, book: AlertBook, redis_url: str) -> None:
    with connect(redis_url) as redis:
        other = AlertBook(Store(redis))
        assert book.hold("one", 15) is Hold.TAKEN
        assert other.hold("two", 15) is Hold.NONE
        assert book.hold("one", 15) is Hold.KEPT
        assert 14_000 < pool.store.redis.pttl(pool.store.key("alerts", "watch")) <= 15_000
        pool.store.redis.pexpire(pool.store.key("alerts", "watch"), 0)
        assert other.hold("two", 15) is Hold.TAKEN
        assert book.hold("one", 15) is Hold.NONE


def test_only_the_one_that_watches_lets_others(book: AlertBook) -> None:
    assert book.hold("one", 15)
    book.free("two")
    assert not book.hold("two", 15)
    book.free("one")
    assert book.hold("two", 15)


def test_what_is_written_is_read(pool: Pool, book: AlertBook) -> None:
    assert (book.entries(), book.active()) == ({}, [])
    assert book.hold("one", 15)
    assert book.write("one", [DEAD, LOW], [], [ACTIVE])
    assert book.entries() == {DEAD.key: DEAD, LOW.key: LOW}
    assert book.active() == [ACTIVE]
    assert book.write("one", [], [DEAD.key], [])
    assert (book.entries(), book.active()) == ({LOW.key: LOW}, [])
    for key in ("alerts", "alerts:active"):
        assert pool.store.redis.ttl(pool.store.key(key)) == -1


def test_one_that_watches_no_more_writes_nothing(book: AlertBook) -> None:
    assert book.hold("one", 15)
    assert not book.write("two", [DEAD], [], [ACTIVE])
    assert (book.entries(), book.active()) == ({}, [])


def test_rules_of_a_newer_release_are_left_out(pool: Pool, book: AlertBook) -> None:
    assert book.hold("one", 15)
    assert book.write("one", [DEAD], [], [ACTIVE])
    redis, key = pool.store.redis, pool.store.key
    redis.hset(key("alerts"), "newer:a", redis.hget(key("alerts"), "dead:a:b 小明"))
    told = orjson.loads(redis.get(key("alerts", "active")))
    redis.set(key("alerts", "active"), orjson.dumps([*told, {**told[0], "rule": "newer"}]))
    assert book.entries() == {DEAD.key: DEAD}
    assert book.active() == [ACTIVE]


def test_a_pool_that_is_lost_at_once_is_written_in_pages(book: AlertBook) -> None:
    assert book.hold("one", 15)
    entries = [Entry(rule=Rule.DEAD, subject=f"{number}", since=1.0) for number in range(2 * PAGE + 1)]
    assert book.write("one", entries, [], [])
    assert len(book.entries()) == len(entries)
    assert book.write("one", [], [entry.key for entry in entries], [])
    assert book.entries() == {}


def test_a_store_that_is_away_is_said_to_be(unused_port: int) -> None:
    with connect(f"redis://127.0.0.1:{unused_port}/0") as redis:
        book = AlertBook(Store(redis))
        for ask in (book.entries, book.active, lambda: book.hold("one", 1), lambda: book.free("one")):
            with pytest.raises(StoreUnavailable):
                ask()
