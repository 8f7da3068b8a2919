"""What a lease holds, how many there are at once, and how an account comes back."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from kimi.accounts import Account, Kind
from kimi.errors import AllBusy, NoAccount, StoreUnavailable
from kimi.pool import Leases, Store, connect
from tests.kimi.pool.pools import KIMI, Pool, rest, take, web, wish


def test_a_lease_carries_what_a_request_needs(pool: Pool) -> None:
    pool.fill(web("alice", proxy="http://user:pass@proxy:1"))
    lease = take(pool)
    assert lease.account == web("alice", proxy="http://user:pass@proxy:1")
    assert lease.token == "access-alice-2"
    assert lease.version == 2
    assert "access-alice" not in repr(lease) and "pass" not in repr(lease)


def test_the_limit_is_held_and_a_release_frees_a_place_once(pool: Pool) -> None:
    pool.fill(web("alice", max_concurrency=2))
    first, second = take(pool), take(pool)
    assert first.id != second.id
    with pytest.raises(AllBusy) as caught:
        take(pool)
    assert caught.value.retry_after is None
    pool.leases.release(first)
    pool.leases.release(first)
    assert pool.count("alice") == 1
    take(pool)
    with pytest.raises(AllBusy):
        take(pool)


def test_the_limit_holds_under_threads(pool: Pool) -> None:
    pool.fill(*(web(f"a{i}", max_concurrency=3) for i in range(5)))

    def attempt(_: int) -> str | None:
        try:
            return take(pool).account.name
        except AllBusy:
            return None

    with ThreadPoolExecutor(16) as threads:
        taken = Counter(threads.map(attempt, range(60)))
    expected: dict[str | None, int] = {None: 45, **{f"a{i}": 3 for i in range(5)}}
    assert taken == expected


def test_cooling_ends_by_itself_and_never_gets_shorter(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=2))
    first, second = take(pool), take(pool)
    pool.leases.release(first, rest=rest(30, "overloaded"))
    pool.leases.release(second, rest=rest(5, "busy"))
    pool.clock.now += 29
    with pytest.raises(AllBusy) as caught:
        take(pool)
    assert caught.value.retry_after == pytest.approx(1)
    record = pool.members.get("a")
    assert record is not None and record.cool_reason == "overloaded"
    pool.clock.now += 1
    assert take(pool).account.name == "a"


def test_a_refused_model_leaves_the_others_alone(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.leases.release(take(pool, model="kimi-k3"), rest=rest(60, "not in the plan", model="kimi-k3"))
    with pytest.raises(NoAccount):
        take(pool, model="kimi-k3")
    lease = take(pool, model="kimi")
    pool.leases.release(lease)
    pool.clock.now += 61
    assert take(pool, model="kimi-k3").account.name == "a"


def test_a_lease_of_a_dead_worker_vanishes(pool: Pool) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    pool.clock.now += pool.leases.seconds - 1
    with pytest.raises(AllBusy):
        take(pool)
    pool.clock.now += 1
    again = take(pool)
    pool.leases.release(lease)
    assert pool.count("a") == 1, "giving back a lease that has expired frees nobody else's place"
    pool.leases.release(again)
    assert pool.count("a") == 0


def test_a_renewed_lease_stays(pool: Pool) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    for _ in range(5):
        pool.clock.now += pool.leases.seconds - 1
        pool.leases.renew([lease])
    with pytest.raises(AllBusy):
        take(pool)
    assert pool.count("a") == 1


def test_renewing_counts_a_stream_again_that_was_given_up(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=2))
    lease = take(pool)
    pool.clock.now += pool.leases.seconds + 1
    other = take(pool)
    assert pool.count("a") == 1
    pool.leases.renew([lease])
    pool.leases.renew([])
    assert pool.count("a") == 2
    pool.leases.release(lease)
    pool.leases.release(other)
    assert pool.count("a") == 0


def test_a_renewal_that_comes_behind_the_return_brings_nothing_back(pool: Pool) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    pool.leases.release(lease)
    pool.leases.renew([lease])
    assert pool.count("a") == 0
    assert take(pool).account.name == "a"


def test_requests_a_minute_are_held(pool: Pool) -> None:
    pool.fill(web("a", requests_per_minute=3))
    for _ in range(3):
        pool.leases.release(take(pool))
        pool.clock.now += 10
    with pytest.raises(AllBusy) as caught:
        take(pool)
    assert caught.value.retry_after == pytest.approx(30)
    pool.clock.now += 30
    pool.leases.release(take(pool))
    with pytest.raises(AllBusy) as caught:
        take(pool)
    assert caught.value.retry_after == pytest.approx(10)


def test_an_unknown_account_can_be_given_back(pool: Pool) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    pool.store.redis.flushall()
    pool.leases.release(lease)
    pool.leases.renew([lease])
    assert not pool.leases.reject(lease)
    assert [key for key in pool.store.redis.keys("*") if pool.store.redis.ttl(key) < 0] == []


def test_the_servers_clock_is_used_without_another(pool: Pool) -> None:
    store = Store(pool.store.redis, vault=pool.store.vault)
    pool.clock.now = store.now()
    pool.fill(web("a"))
    leases = Leases(store)
    lease = leases.acquire(KIMI)
    with pytest.raises(AllBusy):
        leases.acquire(KIMI)
    leases.release(lease)
    expiry = pool.store.redis.zrange(store.key("usable"), 0, -1, withscores=True)
    assert expiry[0][1] / 1000 == pytest.approx(pool.clock.now + 900, abs=1)


def test_nothing_is_left_behind_by_leases(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    before = sorted(pool.store.redis.keys("*"))
    for _ in range(10):
        pool.leases.release(take(pool))
    left = [key for key in set(pool.store.redis.keys("*")) - set(before) if pool.store.redis.ttl(key) < 0]
    assert left == [pool.store.key("route:kimi:turns")]


def test_nothing_is_written_of_a_route_that_the_account_does_not_serve(pool: Pool) -> None:
    pool.fill(web("a"))
    take(pool, ["kimi-classic", "kimi", "kimi:nobody"])
    assert [key for key in pool.store.redis.keys("*") if "classic" in key or "nobody" in key] == []


def test_nothing_is_left_of_a_route_that_nobody_serves_any_more(pool: Pool) -> None:
    key = Account(name="key", kind=Kind.MOONSHOT)
    pool.fill(key, models=("old",))
    lease = take(pool, ["moonshot:old"], model="old")
    with pytest.raises(AllBusy):
        pool.leases.acquire(wish("moonshot:old", model="old"), ticket="w.1", patience=10)
    pool.leases.release(lease)
    pool.freshen("key", models=("new",))
    redis = pool.store.redis
    assert [name for name in redis.keys("*") if ":old" in name and redis.ttl(name) < 0] == []


def test_an_unreachable_redis_is_one_error(unused_port: int) -> None:
    leases = Leases(Store(connect(f"redis://127.0.0.1:{unused_port}/0")))
    with pytest.raises(StoreUnavailable, match="Redis does not answer"):
        leases.acquire(KIMI)
    with pytest.raises(StoreUnavailable):
        Store(connect(f"redis://127.0.0.1:{unused_port}/0")).ping()
