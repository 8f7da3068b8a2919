"""A limit of an organisation, which one of its keys has met."""

from __future__ import annotations

import pytest

from kimi.accounts import ConfiguredAccount
from kimi.errors import AllBusy
from kimi.pool import Rest
from kimi.pool.changes import Changes
from kimi.pool.interventions import Interventions
from tests.kimi.pool.pools import Pool, web, wish

LIMIT = Rest("RateLimited", "too many requests", 20, 300, told=7, organisation="abc")


def meet(pool: Pool, name: str, rest: Rest = LIMIT) -> float:
    pool.clock.now += 0.001
    return pool.leases.release(pool.leases.acquire(wish(only=name)), rest=rest).rests


def resting(pool: Pool) -> set[str]:
    return {record.account.name for record in pool.members.all() if record.cool_until > pool.clock.now}


def acquaint(pool: Pool, *names: str) -> None:
    """Each has met a limit before, and that is over."""
    for name in names:
        meet(pool, name)
        pool.clock.now += 8
    for name in names:
        pool.leases.release(pool.leases.acquire(wish(only=name)), served=True)


def test_all_keys_that_are_known_to_be_of_it_rest(pool: Pool) -> None:
    pool.fill(*(web(name, max_concurrency=3) for name in "abc"))
    acquaint(pool, "a", "b")
    number = Changes(pool.store).since(0).number

    assert meet(pool, "a") == 7
    assert resting(pool) == {"a", "b"}
    assert {copy.account.name for copy in Changes(pool.store).since(number).copies} == {"a", "b"}
    with pytest.raises(AllBusy) as caught:
        pool.leases.acquire(wish(only="b"))
    assert caught.value.retry_after == 7

    pool.clock.now += 8
    pool.leases.acquire(wish(only="b"))
    with pytest.raises(AllBusy):
        pool.leases.acquire(wish(only="b"))  # one tries it for all


def test_what_its_keys_meet_together_is_one_failure(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    acquaint(pool, "a", "b")
    steps = Rest("RateLimited", "too many requests", 20, 300, organisation="abc")
    leases = [pool.leases.acquire(wish(only=name)) for name in "ab"]
    pool.clock.now += 1

    assert [pool.leases.release(lease, rest=steps).rests for lease in leases] == [20, 20]


def test_a_longer_rest_is_not_cut_short(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    acquaint(pool, "a", "b")
    meet(pool, "b", Rest("QuotaSpent", "used up", 600, 600))
    meet(pool, "a")

    record = pool.members.get("b")
    assert record is not None
    assert (record.cool_until - pool.clock.now > 500, record.cool_reason) == (True, "used up")


def test_who_is_gone_takes_no_place_among_those_that_rest(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a"), web("deleted"), web("taken-out"))
    acquaint(pool, "a", "deleted", "taken-out")
    pool.configure(web("a"))
    hands.delete("deleted")
    meet(pool, "a")

    assert pool.store.redis.smembers(pool.store.key("org", "abc")) == {"a"}


def test_a_new_key_is_of_no_known_organisation(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    acquaint(pool, "a", "b")
    pool.members.sync([ConfiguredAccount(web("a"), "refresh-a"), ConfiguredAccount(web("b"), "another")])
    pool.freshen("b")
    meet(pool, "a")

    assert resting(pool) == {"a"}
    assert pool.store.redis.smembers(pool.store.key("org", "abc")) == {"a"}
    assert 0 < pool.store.redis.pttl(pool.store.key("org", "abc")) <= 30 * 86_400_000
