"""Which accounts have changed, for whoever shows all of them."""

from __future__ import annotations

import pytest

from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.activity import MOST, Activities, Activity
from tests.kimi.pool.pools import Pool, rest, take, web


@pytest.fixture
def activities(pool: Pool) -> Activities:
    return Activities(pool.store)


def test_nothing_has_changed_in_an_empty_pool(activities: Activities) -> None:
    assert activities.since(0) == Activity(0, 0, (), {})
    assert activities.names() == set()


def test_changes_are_told_once(pool: Pool, activities: Activities) -> None:
    pool.fill(web("a"), web("b:c/d"))
    first = activities.since(0)
    assert set(first.changed) == {"a", "b:c/d"} == activities.names()
    assert first.number == first.latest > 0
    assert activities.since(first.number).changed == ()
    lease = take(pool)
    pool.leases.release(lease, rest=rest(30))
    assert activities.since(first.number).changed == (lease.account.name,)


def test_leases_are_counted_by_account(pool: Pool, activities: Activities) -> None:
    pool.fill(web("a", max_concurrency=2), web("b:c/d"))
    leases = [take(pool) for _ in range(3)]
    assert activities.since(0).in_flight == {"a": 2, "b:c/d": 1}
    for lease in leases:
        pool.leases.release(lease)
    assert activities.since(0).in_flight == {}


def test_many_changes_come_in_several_answers(pool: Pool, activities: Activities) -> None:
    names = {f"account-{number}": number for number in range(1, MOST + 3)}
    pool.store.redis.zadd(pool.store.key("changed"), names)
    pool.store.redis.set(pool.store.key("changes"), MOST + 2)
    first = activities.since(0)
    assert (len(first.changed), first.number, first.latest) == (MOST, MOST, MOST + 2)
    assert activities.since(first.number).changed == (f"account-{MOST + 1}", f"account-{MOST + 2}")


def test_that_redis_has_lost_something_shows(pool: Pool, activities: Activities) -> None:
    pool.fill(web("a"))
    number = activities.since(0).number
    pool.store.redis.flushall()
    assert activities.since(number).latest < number


def test_without_redis_nothing_is_known(unused_port: int) -> None:
    with connect(f"redis://127.0.0.1:{unused_port}/0") as away, pytest.raises(StoreUnavailable):
        Activities(Store(away)).since(0)
