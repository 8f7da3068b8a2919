"""Who is chosen, how many at once, and how an account comes back."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Tokens
from kimi.errors import AllBusy, AwaitingToken, NoAccount, StoreUnavailable
from kimi.pool import Lease, Leases, Store, connect
from tests.kimi.pool.pools import KIMI, Pool, rest, web, wish

ROUTES = ["kimi"]


def take(pool: Pool, routes: list[str] = ROUTES, model: str = "kimi", exclude: tuple[str, ...] = ()) -> Lease:
    return pool.leases.acquire(wish(*routes, model=model, exclude=exclude))


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


def test_a_higher_priority_goes_first_until_it_is_full(pool: Pool) -> None:
    pool.fill(web("spare", priority=-1), web("first", priority=5), web("middle"))
    assert [take(pool).account.name for _ in range(3)] == ["first", "middle", "spare"]


@pytest.mark.parametrize("parallel", [1, 2, 5, 40])
def test_shares_go_by_weight_however_many_requests_run_at_once(pool: Pool, parallel: int) -> None:
    pool.fill(*(web(f"{weight}", weight=weight, max_concurrency=50) for weight in (1, 2, 3)))
    running = [take(pool) for _ in range(parallel)]
    taken: Counter[str] = Counter()
    for number in range(1200):
        pool.leases.release(running.pop(number * 7919 % parallel))
        running.append(take(pool))
        taken[running[-1].account.name] += 1
    for name, share in {"1": 200, "2": 400, "3": 600}.items():
        assert taken[name] == pytest.approx(share, rel=0.03)


def test_an_account_that_is_full_is_passed_over(pool: Pool) -> None:
    pool.fill(web("small", max_concurrency=2), web("large", max_concurrency=8))
    assert Counter(take(pool).account.name for _ in range(10)) == {"large": 8, "small": 2}


@pytest.mark.parametrize(
    ("weights", "elsewhere"), [((1, 2, 3), 0), ((1, 2, 3), 2), ((0.01, 0.02, 0.03), 0), ((2000, 4000, 6000), 0)]
)
def test_idle_accounts_share_by_weight(pool: Pool, weights: tuple[float, ...], elsewhere: int) -> None:
    shares = [web(f"{number}", weight=weight) for number, weight in enumerate(weights)]
    pool.fill(*shares, Account(name="old", kind=Kind.CLASSIC))
    taken: Counter[str] = Counter()
    for _ in range(600):
        lease = take(pool)
        taken[lease.account.name] += 1
        pool.leases.release(lease)
        for _ in range(elsewhere):
            pool.leases.release(take(pool, ["kimi-classic"]))
    for name, share in {"0": 100, "1": 200, "2": 300}.items():
        assert taken[name] == pytest.approx(share, rel=0.03)


def test_two_routes_share_by_weight_as_one(pool: Pool) -> None:
    pool.fill(web("one", weight=1), web("two", weight=2), Account(name="three", kind=Kind.CLASSIC, weight=3))
    for _ in range(50):
        pool.leases.release(take(pool))  # what ran on one route alone is not made up for
    taken: Counter[str] = Counter()
    for _ in range(300):
        lease = take(pool, ["kimi", "kimi-classic"])
        taken[lease.account.name] += 1
        pool.leases.release(lease)
    for name, share in {"one": 50, "two": 100, "three": 150}.items():
        assert taken[name] == pytest.approx(share, rel=0.05)


def test_an_account_that_comes_late_does_not_get_all_the_traffic(pool: Pool) -> None:
    pool.fill(web("old"))
    for _ in range(50):
        pool.leases.release(take(pool))
    pool.fill(web("old"), web("new"))
    taken: Counter[str] = Counter()
    for _ in range(20):
        lease = take(pool)
        taken[lease.account.name] += 1
        pool.leases.release(lease)
    assert taken["new"] <= 11


def test_accounts_that_were_tried_are_passed_over(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    assert take(pool, exclude=("a",)).account.name == "b"
    with pytest.raises(NoAccount, match="every account was tried"):
        take(pool, exclude=("a", "b"))


def test_waiting_is_for_accounts_that_were_not_tried(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    pool.leases.release(take(pool), rest=rest(30, "busy"))
    other = take(pool)
    with pytest.raises(AllBusy):
        take(pool, exclude=("a",))
    pool.leases.release(other, rest=rest(10, "busy"))
    with pytest.raises(AllBusy) as caught:
        take(pool)
    assert caught.value.retry_after == 10
    with pytest.raises(NoAccount):
        take(pool, exclude=("a", "b"))


def test_many_tried_accounts_do_not_hide_the_good_one(pool: Pool) -> None:
    names = [f"a{i:03}" for i in range(100)]
    pool.fill(*(web(name) for name in names))
    assert take(pool, exclude=tuple(names[:-1])).account.name == "a099"


def test_no_number_of_accounts_that_refuse_a_model_hides_the_one_that_takes_it(pool: Pool) -> None:
    names = [f"a{i:03}" for i in range(300)]
    pool.fill(*(web(name) for name in names))
    for _ in names[:-1]:
        pool.leases.release(take(pool, model="kimi-k3"), rest=rest(3600, "plan", model="kimi-k3"))
    last = take(pool, model="kimi-k3")
    pool.leases.release(last)
    assert take(pool, model="kimi-k3").account.name == last.account.name


def test_how_long_to_wait_is_not_said_while_a_token_may_come_sooner(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    pool.leases.reject(take(pool))
    pool.leases.release(take(pool), rest=rest(60, "busy"))
    with pytest.raises(AllBusy) as caught:
        take(pool)
    assert caught.value.retry_after is None


def test_only_the_wanted_routes_are_considered(pool: Pool) -> None:
    pool.fill(web("web"), Account(name="old", kind=Kind.CLASSIC))
    pool.fill(
        web("web"), Account(name="old", kind=Kind.CLASSIC), Account(name="key", kind=Kind.MOONSHOT), models=("kimi-k3",)
    )
    assert take(pool, ["kimi-classic"]).account.name == "old"
    assert take(pool, ["moonshot:kimi-k3"]).account.name == "key"
    with pytest.raises(NoAccount, match="no account serves this"):
        take(pool, ["moonshot:unknown"])


def test_two_routes_compete_as_one(pool: Pool) -> None:
    pool.fill(web("web", priority=1), Account(name="key", kind=Kind.MOONSHOT, models=("kimi-k3",), priority=2))
    assert take(pool, ["kimi", "moonshot:kimi-k3"]).account.name == "key"
    pool.fill(web("web", priority=3), Account(name="key", kind=Kind.MOONSHOT, models=("kimi-k3",), priority=2))
    assert take(pool, ["moonshot:kimi-k3", "kimi"]).account.name == "web"


def test_an_account_without_a_token_is_waited_for(pool: Pool) -> None:
    pool.configure(web("new"))
    with pytest.raises(AwaitingToken):
        take(pool)
    pool.freshen("new")
    assert take(pool).account.name == "new"


def test_an_expired_token_is_never_handed_out(pool: Pool) -> None:
    pool.fill(web("short"), lifetime=20)
    pool.clock.now += 21
    with pytest.raises(AwaitingToken):
        take(pool)
    pool.freshen("short")
    assert take(pool).token == "access-short-3"


def test_expired_ones_do_not_hide_a_good_one(pool: Pool) -> None:
    names = [f"a{i:02}" for i in range(20)]
    pool.fill(*(web(name) for name in names), lifetime=20)
    pool.clock.now += 21
    pool.freshen("a19")
    assert take(pool).account.name == "a19"


def test_a_rejected_token_leaves_service_and_wakes_the_refresher_once(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=3))
    leases = [take(pool) for _ in range(3)]
    assert pool.tokens.due() == []
    assert [pool.leases.reject(lease) for lease in leases] == [True, False, False]
    assert pool.tokens.due() == ["a"]
    with pytest.raises(AwaitingToken):
        take(pool)
    pool.freshen("a")
    assert pool.tokens.due() == []
    assert not pool.leases.reject(leases[0]), "an older token's rejection says nothing about the new one"
    for lease in leases:
        pool.leases.release(lease)
    assert take(pool).token == "access-a-3"


def test_an_account_whose_new_tokens_are_all_rejected_is_refreshed_ever_more_rarely(pool: Pool) -> None:
    def wait() -> float:
        pool.freshen("a")
        pool.leases.reject(take(pool))
        due = pool.tokens.next_due()
        assert due is not None
        seconds = max(due - pool.clock.now, 0)
        pool.clock.now += seconds
        return seconds

    account = web("a", max_concurrency=100)
    pool.configure(account)
    assert [wait() for _ in range(10)] == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    pool.freshen("a")
    pool.clock.now += 10
    pool.leases.reject(take(pool))
    assert pool.tokens.due() == ["a"]
    assert [wait() for _ in range(3)] == [0, 1, 2], "a token that was good for a while shows that the account is well"
    pool.members.sync([ConfiguredAccount(account, "another")])
    assert [wait() for _ in range(3)] == [0, 1, 2], "a new credential is a new account"


@pytest.mark.parametrize("skew", [-60, 60])
def test_how_old_a_rejected_token_is_does_not_depend_on_the_refreshers_clock(pool: Pool, skew: int) -> None:
    def wait(age: int) -> float:
        record, now = pool.members.get("a"), pool.clock.now
        assert record is not None
        tokens = Tokens(f"access-{record.version}", f"refresh-{record.version}")
        assert pool.tokens.save(record, tokens, issued=now + skew, expires=now + 900, next_due=now + 450)
        pool.clock.now += age
        pool.leases.reject(take(pool))
        due = pool.tokens.next_due()
        assert due is not None
        return max(due - pool.clock.now, 0)

    pool.configure(web("a", max_concurrency=10))
    assert [wait(age) for age in (0, 0, 0, 30, 0)] == [0, 1, 2, 0, 0]


def test_who_waits_for_a_token_is_told_when_the_first_can_come(pool: Pool) -> None:
    def refusal(exclude: tuple[str, ...] = ()) -> float | None:
        with pytest.raises(AwaitingToken) as caught:
            take(pool, exclude=exclude)
        return caught.value.retry_after

    pool.configure(web("a"), web("b"))
    for name, seconds in (("a", 20), ("b", 30)):
        assert refusal() is None, "one of them is due now"
        record = pool.members.get(name)
        assert record is not None
        pool.tokens.postpone(record, pool.clock.now + seconds, 1)
    assert refusal() == 20
    assert refusal(exclude=("a",)) == 30
    pool.clock.now += 20
    assert refusal() is None
    pool.configure(*(web(f"many-{number}") for number in range(100)))
    for record in pool.members.all():
        pool.tokens.postpone(record, pool.clock.now + 20, 1)
    assert refusal() is None, "they are too many to ask each"


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
    store = Store(pool.store.redis)
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
    assert left == [pool.store.key("turns")]


def test_an_unreachable_redis_is_one_error(unused_port: int) -> None:
    leases = Leases(Store(connect(f"redis://127.0.0.1:{unused_port}/0")))
    with pytest.raises(StoreUnavailable, match="Redis does not answer"):
        leases.acquire(KIMI)
    with pytest.raises(StoreUnavailable):
        Store(connect(f"redis://127.0.0.1:{unused_port}/0")).ping()
