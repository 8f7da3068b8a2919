"""What somebody has to read who keeps a copy of the pool."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from kimi.accounts import Account, Kind, State
from kimi.pool import Rest
from kimi.pool.changes import PAGE, Changes, Copy
from kimi.pool.fingerprints import fingerprint
from tests.kimi.pool.pools import KIMI, Pool, web, wish

REST = Rest("Overloaded", "too busy", first=30, most=60)


@pytest.fixture
def changes(pool: Pool) -> Changes:
    return Changes(pool.store)


def names(copies: tuple[Copy, ...]) -> list[str]:
    return [copy.account.name for copy in copies]


def test_a_copy_holds_what_leasing_needs(pool: Pool, changes: Changes) -> None:
    account = Account(name="key", kind=Kind.MOONSHOT, weight=2, priority=3, max_concurrency=7)
    pool.fill(account, lifetime=900, models=("kimi-k3",))
    leases = [pool.leases.acquire(wish("moonshot:kimi-k3", model="kimi-k3")) for _ in range(2)]
    pool.leases.release(leases[0], rest=replace(REST, organisation="abc"))
    pool.leases.release(leases[1], rest=replace(REST, model="kimi-x", told=100))
    (copy,) = changes.since(0).copies
    assert copy == Copy(
        account=account,
        routes=("moonshot:kimi-k3",),
        configured=True,
        serves=True,
        stored_token=copy.stored_token,
        version=2,
        expires=pool.clock.now + 900,
        cool_until=pool.clock.now + 30,
        strikes=1,
        strike_kind="Overloaded",
        struck=pool.clock.now,
        refused={"kimi-x": pool.clock.now + 100},
        organisation="abc",
        fingerprint=fingerprint("refresh-key"),
    )
    assert copy.token == "access-key-2"
    assert "access-key" not in repr(copy)
    pool.clock.now += 101
    pool.freshen("key", models=("kimi-k3",))
    assert changes.since(0).copies[0].refused == {}


def test_only_what_has_changed_since_is_told(pool: Pool, changes: Changes) -> None:
    pool.fill(web("a"), web("b"))
    first = changes.since(0)
    assert names(first.copies) == ["a", "b"]
    again = changes.since(first.number)
    assert (again.copies, again.number) == ((), first.number)

    lease = pool.leases.acquire(KIMI)
    pool.leases.release(lease, served=True)
    assert changes.since(first.number).copies == (), "leases are not told"
    pool.leases.reject(lease)
    pool.leases.reject(lease)
    (refused,) = changes.since(first.number).copies
    assert (refused.account.name, refused.token) == (lease.account.name, "")


def test_whatever_takes_an_account_out_or_brings_it_back_is_told(pool: Pool, changes: Changes) -> None:
    pool.fill(web("a"))
    number = changes.since(0).number

    def news() -> Copy:
        nonlocal number
        batch = changes.since(number)
        number = batch.number
        (copy,) = batch.copies
        return copy

    pool.leases.release(pool.leases.acquire(KIMI), rest=REST)
    assert news().cool_until == pool.clock.now + 30
    pool.clock.now += 31
    pool.leases.release(pool.leases.acquire(KIMI), served=True)
    assert news().strikes == 0
    pool.members.mark("a", 2, State.DEAD, "refused")
    assert not news().serves
    pool.configure()
    assert not news().configured
    pool.configure(web("a", weight=2))
    assert news().account.weight == 2
    pool.freshen("a")
    assert news().token == "access-a-3"


def test_many_are_told_page_by_page(pool: Pool, changes: Changes) -> None:
    everybody = [f"a{number:03}" for number in range(PAGE + 1)]
    pool.configure(*(web(name) for name in everybody))
    first = changes.since(0)
    assert names(first.copies) == everybody[:PAGE]
    assert first.latest > first.number
    second = changes.since(first.number)
    assert names(second.copies) == everybody[PAGE:]
    assert second.number == second.latest


def test_a_store_that_has_lost_everything_shows_it(pool: Pool, changes: Changes, redis_client: redis.Redis) -> None:
    pool.fill(web("a"), web("b"))
    number = changes.since(0).number
    redis_client.flushall()
    assert changes.since(number).latest < number
    assert changes.since(0).copies == ()


def test_of_those_that_are_not_wanted_only_the_names_are_read(pool: Pool, changes: Changes) -> None:
    pool.fill(web("a"), web("b"), web("c"))
    everything = changes.since(0)
    wanted = changes.since(0, {"c", "a", "nobody"})
    assert wanted.copies == tuple(copy for copy in everything.copies if copy.account.name != "b")
    assert (wanted.number, wanted.latest) == (everything.number, everything.latest)
    pool.freshen("b")
    news = changes.since(wanted.number, {"a", "c"})
    assert (news.copies, news.number) == ((), wanted.number + 1)


def test_many_that_are_wanted_are_read_page_by_page(pool: Pool, changes: Changes) -> None:
    everybody = [f"a{number:03}" for number in range(PAGE + 1)]
    pool.configure(*(web(name) for name in everybody))
    assert names(changes.since(0, set(everybody)).copies) == everybody


def test_a_loss_shows_also_where_few_are_wanted(pool: Pool, changes: Changes, redis_client: redis.Redis) -> None:
    pool.fill(web("a"))
    number = changes.since(0, {"a"}).number
    redis_client.flushall()
    lost = changes.since(number, {"a"})
    assert lost.latest < number and lost.copies == ()
