"""What accounts of the web chat can be asked, by their own lists."""

from __future__ import annotations

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind
from kimi.errors import NoAccount
from kimi.pool import PrivateAccounts
from kimi.pool.changes import Changes
from kimi.pool.private import private_account, private_routes
from tests.kimi.pool.pools import Pool, take, web

FREE = ("SCENARIO_K2D5+thinking", "SCENARIO_K2")
PAID = (*FREE, "SCENARIO_OK_COMPUTER/ok-computer+thinking")
K3 = "kimi:SCENARIO_OK_COMPUTER/ok-computer+thinking"
HOUR = 3600.0


def version(pool: Pool, name: str) -> int:
    record = pool.members.get(name)
    assert record is not None
    return record.version


def listed(pool: Pool, name: str, entries: tuple[str, ...]) -> bool:
    return pool.members.list_models(name, version(pool, name), entries)


def test_an_account_without_a_list_may_have_anything(pool: Pool) -> None:
    pool.fill(web("a"), Account(name="old", kind=Kind.CLASSIC))
    assert pool.members.summary().routes == {"kimi", "kimi:*", "kimi-classic"}
    assert take(pool, (K3, "kimi:*")).account.name == "a"


def test_only_accounts_that_list_a_model_are_asked_for_it(pool: Pool) -> None:
    pool.fill(web("free"), web("paid"))
    assert listed(pool, "free", FREE)
    assert listed(pool, "paid", PAID)
    assert pool.members.summary().routes == {"kimi", *(f"kimi:{entry}" for entry in PAID)}
    assert take(pool, (K3,)).account.name == "paid"
    with pytest.raises(NoAccount):
        take(pool, (K3,), exclude=["paid"])
    assert take(pool).account.name == "free"


def test_a_list_outlives_the_tokens_and_a_new_login_begins_anew(pool: Pool) -> None:
    pool.fill(web("a"))
    listed(pool, "a", PAID)
    pool.freshen("a")
    record = pool.members.get("a")
    assert record is not None and record.models == PAID
    pool.members.sync([ConfiguredAccount(web("a"), "another")])
    assert pool.members.summary().routes == {"kimi", "kimi:*"}
    assert pool.members.may_list("a", version(pool, "a"), HOUR)


def test_a_model_that_is_gone_leaves_no_route(pool: Pool) -> None:
    pool.fill(web("a"))
    listed(pool, "a", PAID)
    listed(pool, "a", FREE)
    assert K3 not in pool.members.summary().routes
    assert not pool.store.redis.keys(pool.store.key("route", K3, "*"))
    pool.configure()
    assert pool.members.summary().routes == frozenset()


def test_a_list_that_was_asked_for_with_older_tokens_comes_too_late(pool: Pool) -> None:
    pool.fill(web("a"))
    old = version(pool, "a")
    pool.freshen("a")
    assert not pool.members.list_models("a", old, PAID)
    assert not pool.members.list_models("nobody", 1, PAID)
    assert pool.members.summary().routes == {"kimi", "kimi:*"}


def test_an_account_is_asked_once_in_a_while_whoever_asks(pool: Pool) -> None:
    pool.fill(web("a"))
    assert [pool.members.may_list("a", version(pool, "a"), HOUR) for _ in range(2)] == [True, False]
    pool.clock.now += HOUR - 1
    assert not pool.members.may_list("a", version(pool, "a"), HOUR)
    pool.clock.now += 1
    assert not pool.members.may_list("a", version(pool, "a") + 1, HOUR)
    assert pool.members.may_list("a", version(pool, "a"), HOUR)


def test_those_who_keep_a_copy_hear_of_a_list(pool: Pool) -> None:
    pool.fill(web("a"))
    changes = Changes(pool.store)
    seen = changes.since(0).number
    listed(pool, "a", FREE)
    (copy,) = changes.since(seen).copies
    assert copy.routes == ("kimi", *(f"kimi:{entry}" for entry in FREE))
    again = changes.since(seen).number
    listed(pool, "a", FREE)
    assert changes.since(again).copies == ()


def test_an_account_of_somebodys_own_shows_its_models_to_nobody_else(pool: Pool) -> None:
    pool.fill(web("a"))
    mine, private = private_account("token", Kind.KIMI), PrivateAccounts(pool.store)
    name = mine.account.name
    private.adopt(mine)
    pool.freshen(name)
    listed(pool, name, PAID)
    assert pool.members.summary().routes == {"kimi", "kimi:*"}
    assert K3 in private.notice([mine])[name].routes
    assert take(pool, private_routes([K3], [name])).account.name == name
    with pytest.raises(NoAccount):
        take(pool, (K3,))
