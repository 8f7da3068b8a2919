"""Whatever is done for those who wait is as much for hundreds of them as for a few."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kimi.errors import AwaitingToken
from kimi.pool import Leases
from tests.kimi.pool.counting import MOST, commands
from tests.kimi.pool.filling import DAY, refuse
from tests.kimi.pool.pools import KIMI, Pool, web
from tests.kimi.pool.queueing import Ear, queue, take

FREE = tuple(f"a{number:03}" for number in range(60))
MANY = 200


def excluding(number: int) -> tuple[str, ...]:
    return (f"other-{number}",)


@pytest.fixture(params=[lambda _number: (), excluding], ids=["alike", "each of a kind of its own"])
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
    assert len(called) == 32
    for _ in range(4):
        assert commands(pool.store.redis, lambda: pool.leases.look(["kimi"])).total() < MOST
        called += ear.calls()
    assert called == tickets


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
    passing = ("tickets", "waiting", "looker", "adopted")
    left = set(pool.store.redis.keys("*")) - before
    assert [name for name in left if not name.endswith(passing) and ":ready:" not in name] == []
