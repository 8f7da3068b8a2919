"""A server that takes over without the last changes gives their numbers to others, and whoever follows notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    redis_client.acl_setuser("few", enabled=True, nopass=True, categories=["+@all", "-@dangerous"], keys=["*"])
    try:
        with connect(redis_url.replace("//", "//few:any@")) as few:
            changes = Changes(Store(few))
            number = changes.since(0).number
            assert number == changes.since(number).latest > 0
    finally:
        redis_client.acl_deluser("few")
