"""A server that takes over without the last changes gives their numbers to others, and whoever follows notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import redis

from kimi.accounts import State
from kimi.pool import Store, connect
from kimi.pool.activity import Activities, Activity
from kimi.pool.census import Census
from kimi.pool.changes import Batch, Changes, Names
from kimi.pool.clients import Clients
from tests.kimi.pool.failing_over import losing
from tests.kimi.pool.pools import Pool, web

Looks = Sequence[Callable[[int], Batch | Names | Activity]]


@contextmanager
def following(redis_url: str, redis_client: redis.Redis, *, may_be_told: bool) -> Iterator[Store]:
    """The store of one who may be told of the server's own line of writes, or may not."""
    few = ["+@all", "-@dangerous"]
    redis_client.acl_setuser("few", enabled=True, nopass=True, categories=few[: 2 - may_be_told], keys=["*"])
    try:
        with connect(redis_url.replace("//", "//few:any@")) as connection:
            yield Store(connection)
    finally:
        redis_client.acl_deluser("few")


def test_changes_that_were_lost_are_told_to_whoever_follows(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    some = Changes(pool.store)
    looks: Looks = (
        Changes(pool.store).since,
        lambda number: some.since(number, {"a"}),
        Changes(pool.store).names,
        Activities(pool.store).since,
    )
    with losing(pool.store.redis):
        pool.members.mark("a", 2, State.DEAD, "lost")
        known = {look(0).number for look in looks}
    pool.members.mark("b", 2, State.DEAD, "refused")
    (number,) = known
    assert [look(number).latest < number for look in looks] == [True] * len(looks)
    assert {look(0).number for look in looks} == known, "the number alone shows nothing"
    assert [look(number).latest for look in looks] == [number] * len(looks), "once begun anew all goes on"


@pytest.mark.parametrize("may_be_told", [True, False])
def test_a_store_that_was_emptied_and_filled_again_is_noticed(
    pool: Pool, redis_url: str, redis_client: redis.Redis, may_be_told: bool
) -> None:
    with following(redis_url, redis_client, may_be_told=may_be_told) as store:
        accounts, keys = Changes(store), Clients(store)
        pool.fill(web("a"))
        Clients(pool.store).create("lost")
        before = accounts.since(0).number, keys.since(0).number
        redis_client.flushall()
        pool.fill(web("b"))
        Clients(pool.store).create("new")
        assert (Changes(store).since(0).number, Clients(store).since(0).number) == before, "the numbers show nothing"
        assert accounts.since(before[0]).latest < before[0]
        assert keys.since(before[1]).latest < before[1]


def test_the_first_client_key_is_no_loss_of_accounts(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.store.redis.delete(pool.store.key("epoch"))  # as an older release leaves it
    accounts = Changes(pool.store)
    number = accounts.since(0).number
    Clients(pool.store).create("first")
    assert accounts.since(number).latest == number


def test_changes_of_client_keys_that_were_lost_as_well(pool: Pool) -> None:
    clients = Clients(pool.store)
    one = clients.create("one").client
    with losing(pool.store.redis):
        clients.create("lost")
        number = clients.since(0).number
    clients.revoke(one.id)
    assert clients.since(number).latest < number
    assert [client.name for client in clients.since(0).clients] == ["one"]
    assert clients.since(number).latest == number


def test_accounts_are_counted_as_the_new_master_knows_them(pool: Pool) -> None:
    pool.fill(web("a"), web("b", max_concurrency=7))
    census = Census(pool.store, clock=pool.clock)
    with losing(pool.store.redis):
        pool.members.mark("a", 2, State.DEAD, "lost")
        assert [each.state for each in census.count().accounts if each.limit == 7] == [State.ACTIVE]
    pool.members.mark("b", 2, State.DEAD, "refused")
    assert sorted((each.limit, each.state) for each in census.count().accounts) == [(1, State.ACTIVE), (7, State.DEAD)]


def test_where_a_user_may_not_be_told_changes_are_followed_by_their_numbers(
    pool: Pool, redis_url: str, redis_client: redis.Redis
) -> None:
    pool.fill(web("a"))
    with following(redis_url, redis_client, may_be_told=False) as store:
        changes = Changes(store)
        number = changes.since(0).number
        assert number == changes.since(number).latest > 0
