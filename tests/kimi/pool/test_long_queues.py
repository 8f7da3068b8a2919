"""Whatever is done for those who wait is as much for hundreds of them as for a few."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kimi.accounts import Account, Kind
from kimi.errors import AllBusy, AwaitingToken
from kimi.pool import Leases
from tests.kimi.pool.counting import MOST, commands
from tests.kimi.pool.filling import DAY, refuse
from tests.kimi.pool.pools import KIMI, Pool, web, wish
from tests.kimi.pool.queueing import PATIENCE, Ear, in_queue, queue, take

FREE = tuple(f"a{number:03}" for number in range(60))
MANY = 300


def excluding(number: int) -> tuple[str, ...]:
    return (f"other-{number}",)


@pytest.fixture(params=[lambda _number: (), excluding], ids=["alike", "each excludes another one"])
def crowded(pool: Pool, request: pytest.FixtureRequest) -> Pool:
    """Many wait for a model that all refuse who are free."""
    names: Callable[[int], tuple[str, ...]] = request.param
    pool.fill(*map(web, FREE), web("k3"))
    refuse(pool.store.redis, list(FREE), "k3", seconds=3650 * DAY)
    take(pool, model="k3")
    for number in range(MANY):
        queue(pool, f"w.{number}", model="k3", exclude=names(number))
    return pool


def test_a_queue_that_nobody_suits_who_is_free_costs_next_to_nothing(crowded: Pool, ear: Ear) -> None:
    redis = crowded.store.redis
    lease = commands(redis, lambda: crowded.leases.release(take(crowded)))
    look = commands(redis, lambda: crowded.leases.look(["kimi"]))
    assert lease.total() < 100 and look.total() < MOST
    assert set(ear.calls()) <= {f"w.{number}" for number in range(MANY)}
    queue_of_others = [take(crowded) for _ in FREE]
    queue(crowded, "v.1")
    crowded.leases.release(queue_of_others[0])
    assert ear.calls() == ["v.1"], "whoever comes for another model is not held up"


def test_leases_of_a_dead_worker_are_given_back_beside_a_long_queue(crowded: Pool) -> None:
    dead = Leases(crowded.store, worker="dead")
    for _ in FREE:
        dead.acquire(KIMI)
    counted = commands(crowded.store.redis, lambda: crowded.leases.abandon("dead"))
    assert counted.total() / counted["evalsha"] < MOST
    assert [crowded.count(name) for name in FREE] == [0] * len(FREE)


def test_leases_that_have_expired_are_given_back_beside_a_long_queue(crowded: Pool) -> None:
    for _ in FREE:
        take(crowded)
    crowded.clock.now += crowded.leases.seconds
    assert commands(crowded.store.redis, lambda: take(crowded)).total() < MOST


def test_who_waits_for_one_account_each_holds_nobody_up(pool: Pool, ear: Ear) -> None:
    *others, free = (f"a{number:03}" for number in range(MANY))
    pool.fill(*map(web, (*others, free)))
    leases = {lease.account.name: lease for lease in (take(pool) for _ in range(MANY))}
    for name in others:
        queue(pool, f"w.{name}", only=name)
    queue(pool, "v.1")
    assert commands(pool.store.redis, lambda: pool.leases.release(leases[free])).total() < 60
    assert ear.calls() == ["v.1"]
    pool.leases.release(leases[others[-1]])
    assert ear.calls() == [f"w.{others[-1]}"]


def test_what_is_too_much_for_one_script_is_done_by_the_next_look(pool: Pool, ear: Ear) -> None:
    pool.configure(web("a", max_concurrency=MANY))
    tickets = [f"w.{number}" for number in range(150)]
    for ticket in tickets:
        with pytest.raises(AwaitingToken):
            take(pool, ticket)
    assert commands(pool.store.redis, lambda: pool.freshen("a")).total() < MOST
    called = ear.calls()
    assert 32 <= len(called) < 64
    for _ in range(4):
        assert commands(pool.store.redis, lambda: pool.leases.look(["kimi"])).total() < MOST
        called += ear.calls()
    assert called == tickets


def test_lines_that_are_down_cost_whoever_reaches_his_account_nothing(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    for number in range(MANY):
        tripped = [f"https://kimi.example http://proxy-{number + other}.example:1080" for other in range(30)]
        with pytest.raises(AllBusy):
            pool.leases.acquire(wish(tripped=tripped), ticket=f"w.{number}", patience=PATIENCE)
    assert pool.store.redis.zcard(pool.store.key("route", "kimi", "wishes")) == 1
    assert commands(pool.store.redis, lambda: pool.leases.release(lease)).total() < 60
    assert ear.calls() == ["w.0"]


@pytest.mark.parametrize("in_front", [40, MANY])
def test_who_waits_behind_many_whom_an_account_does_not_suit_is_called(pool: Pool, ear: Ear, in_front: int) -> None:
    pool.fill(web("a"), web("b"))
    leases = {lease.account.name: lease for lease in (take(pool), take(pool))}
    for number in range(in_front):
        queue(pool, f"w.{number}", exclude=("a",))
    queue(pool, "v.1", exclude=("b",))
    calls: list[str] = []
    for _ in range(MANY):  # at once behind some; behind many others are looked at each time
        counted = commands(pool.store.redis, lambda: pool.leases.release(leases["a"]))
        assert counted.total() < 200
        if calls := ear.calls():
            break
        leases["a"] = take(pool)
        pool.clock.now += 0.007
    assert calls == ["v.1"]
    pool.leases.release(leases["b"])
    assert ear.calls() == ["w.0"], "in their order"


@pytest.mark.parametrize(("kinds", "each"), [(16, 10), (40, 1), (MANY, 1)])
def test_kinds_in_front_that_an_account_does_not_suit_starve_nobody(
    pool: Pool, ear: Ear, kinds: int, each: int
) -> None:
    pool.fill(web("a"), web("b"))
    leases = {lease.account.name: lease for lease in (take(pool), take(pool))}
    for number in range(kinds * each):
        queue(pool, f"w.{number}", model=f"kimi-{number % kinds}", exclude=("a",))
    queue(pool, "v.1")
    calls: list[str] = []
    for _ in range(1 + kinds):  # newcomers are served meanwhile
        assert commands(pool.store.redis, lambda: pool.leases.release(leases["a"])).total() < 250
        if calls := ear.calls():
            break
        leases["a"] = take(pool)
        pool.clock.now += 0.1
    assert calls == ["v.1"]


def test_kinds_stand_by_those_who_wait_still(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b"))
    lease = pool.leases.acquire(wish(only="a"))
    take(pool)
    queue(pool, "w.1", model="k3", exclude=("a",))
    queue(pool, "w.2", exclude=("a",))
    queue(pool, "w.3", model="k3", exclude=("a",))
    pool.leases.leave("w.1")
    pool.leases.release(lease)
    assert ear.calls() == []
    numbers = dict(pool.store.redis.zrange(pool.store.key("route", "kimi", "wishes"), 0, -1, withscores=True))
    assert sorted(numbers.values()) == [2, 3]


def test_some_ask_for_themselves_however_many_kinds_suit_nobody_who_is_free(pool: Pool, ear: Ear) -> None:
    pool.fill(*map(web, FREE), web("good"))
    pool.leases.acquire(wish(only="good"))
    for number in range(160):
        queue(pool, f"w.{number}", model=f"kimi-{number % 16}", exclude=FREE)
    assert commands(pool.store.redis, lambda: pool.leases.look(["kimi"])).total() < MOST
    assert len(ear.calls()) >= 16


def test_models_of_an_account_make_a_return_beside_who_waits_no_dearer_than_their_indexes(pool: Pool) -> None:
    keys = [Account(name=name, kind=Kind.MOONSHOT) for name in ("a", "b")]
    models = tuple(f"m{number}" for number in range(20))
    pool.fill(*keys, models=models)
    routes = ("moonshot:m0",)
    lease = pool.leases.acquire(wish(*routes, only="a"))
    pool.leases.acquire(wish(*routes, only="b"))
    alone = commands(pool.store.redis, lambda: pool.leases.release(lease, renewed=False))
    lease = pool.leases.acquire(wish(*routes, only="a"))
    with pytest.raises(AllBusy):
        pool.leases.acquire(wish(*routes, exclude=("a",)), ticket="w.1", patience=PATIENCE)
    beside = commands(pool.store.redis, lambda: pool.leases.release(lease, renewed=False))
    assert beside.total() <= alone.total() + len(models) + 15


def test_an_account_may_be_named_like_a_model_and_be_the_only_one_that_will_do(pool: Pool, ear: Ear) -> None:
    pool.fill(web("kimi"))
    lease = take(pool)
    queue(pool, "w.1", model="kimi", only="kimi")
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"]


def test_kinds_of_which_nobody_lives_are_forgotten(crowded: Pool) -> None:
    redis, key = crowded.store.redis, crowded.store.key
    redis.delete(*(key("ticket", f"w.{number}") for number in range(MANY)))
    for _ in FREE:
        take(crowded)
    queue(crowded, "v.1")
    for _ in range(MANY):
        crowded.leases.look(["kimi"])
    assert in_queue(crowded) == ["v.1"]
    assert redis.zcard(key("route", "kimi", "wishes")) == 1
    assert len(redis.keys(key("wish", "*"))) == 1


def test_who_waits_at_an_older_release_is_called_by_whoever_frees_an_account(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.old", "w.new")
    key, redis = pool.store.key, pool.store.redis
    number = redis.hget(key("ticket", "w.old"), "number")
    redis.zadd(key("route", "kimi", "queue"), {"w.old": number})  # it knows of no kinds
    redis.delete(key("tickets", "ours"))
    redis.hdel(key("ticket", "w.old"), "kind", "only")
    for queued in redis.scan_iter(match="*wish:*"):
        redis.zrem(queued, "w.old")
    pool.leases.release(lease)
    assert ear.calls() == ["w.old"]


def test_who_comes_to_an_older_release_behind_others_is_called_in_his_turn(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1")
    key, redis = pool.store.key, pool.store.redis
    number = redis.incr(key("tickets"))
    redis.hset(
        key("ticket", "w.2"), mapping={"number": number, "routes": '["kimi"]', "wish": '["kimi",{},{}]', "again": 0}
    )
    redis.pexpire(key("ticket", "w.2"), 11_000)
    redis.zadd(key("route", "kimi", "queue"), {"w.2": number})
    queue(pool, "w.3")
    for ticket in ("w.1", "w.2", "w.3"):
        pool.leases.release(lease)
        assert ear.calls() == [ticket]
        lease = take(pool, ticket)


def test_nothing_is_left_of_tickets_that_are_torn_up_or_have_expired(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    leases = [take(pool), take(pool)]
    before = {name for name in pool.store.redis.keys("*") if ":tickets" not in name}
    for number in range(10):
        queue(pool, f"w.{number}", exclude=excluding(number))
        queue(pool, f"v.{number}", only="a")
    gone = [pool.store.key("ticket", f"{worker}.9") for worker in "wv"]
    pool.store.redis.delete(*gone)
    for number in range(9):
        pool.leases.leave(f"w.{number}")
        pool.leases.leave(f"v.{number}")
    for lease in leases:
        pool.leases.release(lease, renewed=False)
    pool.leases.look(["kimi"])
    passing = ("tickets", "tickets:ours", "waiting", "looker", "adopted")
    left = set(pool.store.redis.keys("*")) - before
    assert [name for name in left if not name.endswith(passing) and ":ready:" not in name] == []
