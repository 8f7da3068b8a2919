"""What the upstreams have said that is not known, as the store keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kimi.accounts import Kind
from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.drift import DriftBook
from kimi.upstreams.drift import Drift, Sighting
from tests.kimi.pool.pools import Clock, Pool


def met(clock: Callable[[], float], *names: str, shape_of: object = None) -> Drift:
    drift = Drift(clock=clock)
    for name in names:
        drift.note(Kind.CLASSIC, "event", name, shape_of)
    return drift


def test_what_several_processes_meet_is_one_account_of_it(pool: Pool) -> None:
    book, clock = DriftBook(pool.store), Clock(1_800_000_000.125)
    book.keep(met(clock, "a", "a"))
    clock.now += 5
    book.keep(met(clock, "b", "a", shape_of={"text": "secret"}))
    book.keep(Drift())

    assert set(book.all()) == {
        Sighting(Kind.CLASSIC, "event", "a", "{text: text(6)}", 1_800_000_000.125, 1_800_000_005.125, 3),
        Sighting(Kind.CLASSIC, "event", "b", "{text: text(6)}", 1_800_000_005.125, 1_800_000_005.125, 1),
    }
    assert pool.store.redis.ttl(pool.store.key("drift")) == -1
    assert (book.clear(), book.all()) == (2, ())


def test_an_upstream_cannot_fill_the_store(pool: Pool) -> None:
    book, clock = DriftBook(pool.store, most=3), Clock()
    for name in ("old", "a", "b", "a", "c", "d"):
        clock.now += 1
        book.keep(met(clock, name))

    assert [seen.name for seen in book.all()] == ["d", "c", "a"]


def test_many_at_once_hold_the_store_no_longer_than_one_look_at_all(pool: Pool) -> None:
    book, clock = DriftBook(pool.store, most=3), Clock()
    book.keep(met(clock, "old", "older"))
    clock.now += 1
    before = looks(pool)
    book.keep(met(clock, *(f"new.{number}" for number in range(100))))

    assert looks(pool) - before == 1
    assert len(book.all()) == 3
    assert not {"old", "older"} & {seen.name for seen in book.all()}


def looks(pool: Pool) -> int:
    """How often all of a hash was read."""
    return int(pool.store.redis.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"])


def test_what_cannot_be_written_is_written_later(pool: Pool, unused_port: int) -> None:
    drift = met(Clock(), "a")
    with pytest.raises(StoreUnavailable):
        DriftBook(Store(connect(f"redis://127.0.0.1:{unused_port}"))).keep(drift)
    DriftBook(pool.store).keep(drift)

    assert [seen.count for seen in DriftBook(pool.store).all()] == [1]
