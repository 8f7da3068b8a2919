"""The pool at a glance."""

from __future__ import annotations

import pytest

from kimi.accounts import Kind, State
from kimi.pool import Store, connect
from kimi.pool.health import Health, PoolHealth
from kimi.pool.private import PrivateAccounts, private_account
from tests.kimi.pool.pools import KIMI, Pool, web
from tests.kimi.pool.queueing import queue


@pytest.fixture
def health(pool: Pool) -> Health:
    return Health(pool.store)


def mark(pool: Pool, name: str, state: State) -> None:
    record = pool.members.get(name)
    assert record is not None
    assert pool.members.mark(name, record.version, state, "for a test")


def counted_one_by_one(pool: Pool) -> dict[str, int]:
    """What the glance has to come to."""
    states: dict[str, int] = {}
    for record in pool.members.all():
        if record.configured and not record.account.owner:
            word = "refreshing" if record.rejected and record.state is State.ACTIVE else record.state.value
            states[word] = states.get(word, 0) + 1
    return states


def test_nothing_is_nothing(health: Health) -> None:
    assert health.pool() == PoolHealth()


def test_all_that_can_be_counted_is(pool: Pool, health: Health) -> None:
    pool.fill(web("a", max_concurrency=2), web("b"), web("c", max_concurrency=4), lifetime=600)
    pool.configure(web("a", max_concurrency=2), web("b"), web("c", max_concurrency=4), web("new"))
    mark(pool, "c", State.DEAD)
    pool.freshen("b", lifetime=300)
    lease = pool.leases.acquire(KIMI)

    assert health.pool() == PoolHealth(
        usable=2,
        total=4,
        states={"active": 2, "dead": 1, "new": 1},
        in_flight=1,
        limit=4,
        next_expiry=pool.clock.now + 300,
        waiting=0,
    )
    pool.leases.reject(lease)
    pool.leases.release(lease)
    after = health.pool()
    assert (after.states, after.in_flight) == ({"active": 1, "refreshing": 1, "dead": 1, "new": 1}, 0)


def test_a_token_that_has_expired_is_neither_usable_nor_the_next(pool: Pool, health: Health) -> None:
    pool.fill(web("a"), web("b"), lifetime=600)
    pool.freshen("a", lifetime=60)
    pool.clock.now += 61

    found = health.pool()

    assert (found.usable, found.next_expiry, found.states) == (1, pool.clock.now - 61 + 600, {"active": 2})


def test_who_waits_is_counted_once_however_many_ways_he_can_be_served(pool: Pool, health: Health) -> None:
    pool.fill(web("a"))
    pool.leases.acquire(KIMI)
    queue(pool, "w.1", "w.2")
    assert health.pool().waiting == 2


def test_the_view_is_kept_up_with_every_change(pool: Pool, health: Health) -> None:
    accounts = [web(f"account-{number}", max_concurrency=number + 1) for number in range(6)]
    pool.fill(*accounts)
    assert health.pool().states == counted_one_by_one(pool) == {"active": 6}

    mark(pool, "account-0", State.DEAD)
    mark(pool, "account-1", State.BANNED)
    mark(pool, "account-2", State.PAUSED)
    assert health.pool().states == counted_one_by_one(pool)
    assert health.pool().limit == 4 + 5 + 6

    pool.configure(*accounts[1:4], web("account-9"))
    assert health.pool().states == counted_one_by_one(pool) == {"banned": 1, "paused": 1, "active": 1, "new": 1}
    pool.configure(*accounts[3:4], web("account-9", max_concurrency=7))
    pool.freshen("account-9")
    assert health.pool() == PoolHealth(
        usable=2, total=2, states={"active": 2}, limit=4 + 7, next_expiry=pool.clock.now + 900
    )


def test_accounts_of_clients_are_not_counted(pool: Pool, health: Health) -> None:
    pool.fill(web("a"))
    private = PrivateAccounts(pool.store)
    private.adopt(private_account("token", Kind.KIMI))
    assert (health.pool().states, health.pool().total) == ({"active": 1}, 1)

    pool.clock.now += 90 * 86_400
    private.forget()
    pool.clock.now += 90 * 86_400
    assert private.forget() != ()
    assert health.pool().states == {"active": 1}


def test_who_is_gone_for_good_is_not_counted_any_more(pool: Pool, health: Health) -> None:
    pool.fill(web("a"), web("b"))
    assert health.pool().total == 2
    pool.members.sync([])
    pool.clock.now += 91 * 86_400
    assert set(pool.members.forget()) == {"a", "b"}, "nobody looked meanwhile"
    pool.fill(web("c"))

    assert health.pool().states == {"active": 1}


def test_what_redis_has_lost_is_counted_anew(pool: Pool, health: Health) -> None:
    pool.fill(*(web(f"account-{number}") for number in range(5)))
    assert health.pool().total == 5
    pool.store.redis.delete(pool.store.key("states"))
    pool.clock.now += 61
    assert health.pool().states == {"active": 5}
    pool.store.redis.flushdb()
    pool.fill(web("a"))
    assert health.pool().states == {"active": 1}


def test_many_are_looked_at_in_several_steps(pool: Pool, health: Health) -> None:
    pool.configure(*(web(f"account-{number}") for number in range(1_203)))

    assert health.pool().states == {"new": 1_203}


def test_a_store_that_contradicts_itself_is_not_counted_over_and_over(pool: Pool, health: Health) -> None:
    pool.fill(web("a"))
    pool.store.redis.sadd(pool.store.key("accounts"), "lost")
    assert health.pool().states == {"active": 1}
    assert health.pool().states == {"active": 1}


def test_redis_tells_of_itself(redis_url: str) -> None:
    with connect(redis_url) as redis:
        found = Health(Store(redis)).redis()
    assert found.up
    assert found.server == "Valkey"
    assert found.version.split(".")[0].isdecimal()
    assert (found.used_memory_bytes or 0) > 100_000
    assert found.persistent


def test_where_more_wait_than_are_looked_at_it_is_at_least_the_longest_queue(pool: Pool, health: Health) -> None:
    pool.fill(web("a"))
    redis, key = pool.store.redis, pool.store.key
    redis.set(key("waiting"), "1")
    redis.zadd(key("route", "kimi", "queue"), {f"w.{number}": number for number in range(3_000)})
    redis.zadd(key("route", "kimi:*", "queue"), {f"w.{number}": number for number in range(2_000)})
    assert health.pool().waiting == 3_000
