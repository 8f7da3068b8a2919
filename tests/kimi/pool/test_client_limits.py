"""Limits of client keys, over all who count."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.client_limits import Limit, Limiter, LimitReached, Standing
from kimi.pool.client_terms import LARGEST, limits_from
from kimi.pool.clients import Client, Clients
from tests.kimi.pool.pools import Clock, Pool

DAY = 86_400.0
Make = Callable[..., Client]


@pytest.fixture
def limiter(pool: Pool) -> Limiter:
    return Limiter(pool.store)


@pytest.fixture
def client(pool: Pool) -> Make:
    """Creates a key with these limits."""
    numbers = count(1)
    return lambda **limits: Clients(pool.store).create(f"key {next(numbers)}", limits_from(limits)).client


def refused(limiter: Limiter, client: Client, place: str = "late") -> LimitReached:
    with pytest.raises(LimitReached) as reached:
        limiter.enter(client, place)
    return reached.value


def test_requests_are_counted_over_any_minute(pool: Pool, limiter: Limiter, client: Make) -> None:
    key = client(requests_per_minute=3)
    pool.clock.now += 0.5
    assert limiter.enter(key, "a") == (Standing(Limit.REQUESTS, 3, 2, 60.0),)
    pool.clock.now += 40
    assert limiter.enter(key, "b") == (Standing(Limit.REQUESTS, 3, 1, 60.0),)
    pool.clock.now += 15
    limiter.enter(key, "c")

    late = refused(limiter, key)
    assert (late.limit, late.most, late.retry_after) == (Limit.REQUESTS, 3, 5.0)
    assert late.standings == (Standing(Limit.REQUESTS, 3, 0, 60.0),)
    pool.clock.now += 4.999
    assert refused(limiter, key).retry_after == pytest.approx(0.001)
    pool.clock.now += 0.001
    assert limiter.enter(key, "d")[0].left == 0  # in place of the first; what was refused is not counted
    assert refused(limiter, key).retry_after == 40.0
    pool.clock.now += 3600
    assert limiter.enter(key, "e")[0].left == 2


def test_many_that_are_old_are_not_taken_out_one_by_one(pool: Pool, limiter: Limiter, client: Make) -> None:
    key = client(requests_per_minute=LARGEST["requests_per_minute"])
    limiter.enter(key, "first")
    recent, redis = pool.store.key("client", key.id, "recent"), pool.store.redis
    redis.lpush(recent, *redis.lrange(recent, 0, 0) * 5_499)
    pool.clock.now += 30
    limiter.enter(key, "of this minute")
    pool.clock.now += 30
    redis.config_resetstat()
    assert limiter.enter(key, "now")[0].left == LARGEST["requests_per_minute"] - 2
    assert redis.info("commandstats")["cmdstat_lindex"]["calls"] < 1_000


def test_a_limit_that_is_made_smaller_waits_for_so_many(pool: Pool, limiter: Limiter, client: Make) -> None:
    key = client(requests_per_minute=10)
    for n in range(10):
        limiter.enter(key, str(n))
        pool.clock.now += 1
    smaller = Clients(pool.store).edit(key.id, limits={"requests_per_minute": 2})
    assert refused(limiter, smaller).retry_after == 58.0  # when the last but one is a minute old
    larger = Clients(pool.store).edit(key.id, limits={"requests_per_minute": 11})
    assert limiter.enter(larger, "more")[0].left == 0


def test_tokens_are_those_of_a_day_of_utc(pool: Pool, limiter: Limiter, client: Make) -> None:
    key = client(tokens_per_day=100)
    pool.clock.now += DAY - pool.clock.now % DAY - 90  # a minute and a half before midnight
    assert limiter.enter(key, "a") == (Standing(Limit.TOKENS, 100, 100, 90.0),)
    limiter.leave(key.id, "a", 99)
    assert limiter.enter(key, "b")[0].left == 1
    limiter.leave(key.id, "b", 50)  # what an answer takes is known at its end

    late = refused(limiter, key)
    assert (late.limit, late.most, late.retry_after) == (Limit.TOKENS, 100, 90.0)
    pool.clock.now += 89.999
    assert refused(limiter, key).standings == (Standing(Limit.TOKENS, 100, 0, 0.001),)
    pool.clock.now += 0.001
    assert limiter.enter(key, "c") == (Standing(Limit.TOKENS, 100, 100, DAY),)
    limiter.leave(key.id, "c", 7)
    assert limiter.enter(key, "d")[0].left == 93


def test_counts_of_tokens_vanish(pool: Pool, limiter: Limiter, client: Make) -> None:
    key = client(tokens_per_day=100)
    limiter.leave(key.id, "a", 5)
    (name,) = pool.store.redis.keys(pool.store.key("client", key.id, "tokens", "*"))
    assert DAY < pool.store.redis.ttl(name) <= 2 * DAY


def test_so_many_at_the_same_time(limiter: Limiter, client: Make) -> None:
    key = client(concurrent=2)
    assert limiter.enter(key, "a") == (Standing(Limit.CONCURRENT, 2, 1, None),)
    limiter.enter(key, "b")
    late = refused(limiter, key)
    assert (late.limit, late.most, late.retry_after) == (Limit.CONCURRENT, 2, 1.0)

    limiter.leave(key.id, "a", 0)
    limiter.leave(key.id, "a", 0)  # twice is once
    limiter.enter(key, "c")
    refused(limiter, key)


def test_places_of_the_dead_come_back_and_those_of_the_living_stay(pool: Pool, limiter: Limiter, client: Make) -> None:
    key, other = client(concurrent=2), client(concurrent=1)
    limiter.enter(key, "crashed")
    limiter.enter(key, "alive")
    limiter.enter(other, "alive")
    for _ in range(4):
        pool.clock.now += 15
        limiter.renew([(key.id, "alive"), (other.id, "alive")])
    limiter.enter(key, "new")
    refused(limiter, key)
    refused(limiter, other)

    limiter.leave(key.id, "alive", 0)
    limiter.renew([(key.id, "alive")])  # it was under way when the answer ended
    limiter.enter(key, "newer")
    pool.clock.now += 46
    assert limiter.enter(other, "late")[0].left == 0


@pytest.mark.parametrize("back", [0.9, 3600.0])
def test_a_clock_that_was_set_back_shuts_nobody_out(pool: Pool, limiter: Limiter, client: Make, back: float) -> None:
    key, busy = client(requests_per_minute=1), client(concurrent=2)
    limiter.enter(key, "a")
    limiter.enter(busy, "crashed")
    limiter.enter(busy, "alive")
    pool.clock.now -= back
    if back < 1:  # servers that follow one another differ by as much
        assert refused(limiter, key).retry_after == pytest.approx(60 + back)
    else:
        limiter.enter(key, "b")
        assert refused(limiter, key).retry_after == 60.0
    assert refused(limiter, busy).limit is Limit.CONCURRENT  # both may well be running
    pool.clock.now += 30
    limiter.renew([(busy.id, "alive")])
    pool.clock.now += 16
    assert limiter.enter(busy, "new")[0].left == 0
    assert refused(limiter, busy).limit is Limit.CONCURRENT


def test_a_refusal_counts_for_no_other_limit(limiter: Limiter, client: Make) -> None:
    key = client(requests_per_minute=5, tokens_per_day=10, concurrent=1)
    assert [(each.limit.value, each.left) for each in limiter.enter(key, "a")] == [
        ("requests_per_minute", 4),
        ("tokens_per_day", 10),
        ("concurrent", 0),
    ]
    for _ in range(10):
        assert refused(limiter, key).limit is Limit.CONCURRENT
    limiter.leave(key.id, "a", 9)
    assert limiter.enter(key, "b")[0].left == 3
    limiter.leave(key.id, "b", 1)
    assert refused(limiter, key).limit is Limit.TOKENS


@pytest.mark.parametrize("limits", [{"requests_per_minute": 7}, {"concurrent": 7}])
def test_of_many_at_once_as_many_come_in_as_may(redis_url: str, limits: dict[str, Any]) -> None:
    clock = Clock()
    with connect(redis_url) as one, connect(redis_url) as other, ThreadPoolExecutor(50) as threads:
        stores = [Store(redis, clock=clock) for redis in (one, other)]
        key = Clients(stores[0]).create("shop", limits_from(limits)).client
        gates = [Limiter(store) for store in stores]

        def ask(n: int) -> bool:
            try:
                gates[n % 2].enter(key, str(n))
            except LimitReached:
                return False
            return True

        assert sum(threads.map(ask, range(100))) == 7


def test_tokens_of_many_at_once_are_all_counted(redis_url: str, pool: Pool, client: Make) -> None:
    key = client(tokens_per_day=1_000_000)
    with connect(redis_url) as other, ThreadPoolExecutor(50) as threads:
        gates = [Limiter(pool.store), Limiter(Store(other, clock=pool.clock))]
        list(threads.map(lambda n: gates[n % 2].leave(key.id, str(n), n), range(100)))
        assert gates[0].enter(key, "a")[0].left == 1_000_000 - sum(range(100))


def test_without_redis_nobody_can_count(unused_port: int, client: Make) -> None:
    away = Limiter(Store(connect(f"redis://127.0.0.1:{unused_port}")))
    with pytest.raises(StoreUnavailable):
        away.enter(client(concurrent=1), "a")
    away.renew([])  # nothing to say, so nobody is asked
