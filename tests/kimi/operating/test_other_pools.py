"""Credentials that come by hand or with a client, while another pool of the same Redis has them."""

from __future__ import annotations

import pytest

from kimi.accounts import ConfiguredAccount, Kind, Origin, Tokens
from kimi.operating.accounts import Accounts
from kimi.operating.intake import Code, Outcome, Taken
from kimi.pool import PrivateAccounts, Store
from kimi.pool.fuse import Fuse
from kimi.pool.interventions import Interventions
from kimi.pool.private import Adoption, private_account
from tests.kimi.operating.test_accounts import ALICE, BOB
from tests.kimi.pool.pools import Pool, web


@pytest.fixture
def other(pool: Pool) -> Pool:
    """Another pool, in the same Redis."""
    return Pool(Store(pool.store.redis, "cell-1", vault=pool.store.vault, clock=pool.clock), pool.clock)


def add(pool: Pool, *tokens: str) -> list[Taken]:
    return Accounts(pool.store).add("\n".join(tokens), Kind.KIMI)


def serve(pool: Pool, *tokens: str) -> list[str]:
    names = [each.name for each in add(pool, *tokens)]
    for name in names:
        pool.freshen(name)
    return names


def test_what_another_pool_has_is_refused_and_the_rest_is_taken(pool: Pool, other: Pool) -> None:
    serve(other, ALICE)
    refused, added = add(pool, ALICE, BOB)
    assert (refused.outcome, refused.code, added.outcome) == (Outcome.REFUSED, Code.OTHER_POOL, Outcome.ADDED)
    assert "the pool cell-1" in refused.message and "docs/guides/operating.md" in refused.message
    assert [each.account.name for each in pool.members.all()] == [added.name]


def test_a_pool_that_was_made_just_now_is_seen(pool: Pool, other: Pool) -> None:
    add(pool, BOB)
    serve(other, ALICE)
    assert [each.code for each in add(pool, ALICE)] == [Code.OTHER_POOL]


def test_nor_what_it_has_had_and_exchanged(pool: Pool, other: Pool) -> None:
    (name,) = serve(other, ALICE)
    Accounts(other.store).delete(name)
    assert [each.code for each in add(pool, ALICE)] == [Code.OTHER_POOL]


@pytest.mark.parametrize("origin", [Origin.FILE, Origin.OPERATOR])
@pytest.mark.parametrize("is_spent", [True, False])
def test_one_that_was_exported_and_let_go_there_is_taken(
    pool: Pool, other: Pool, origin: Origin, *, is_spent: bool
) -> None:
    member = ConfiguredAccount(web("alice"), ALICE)
    if origin is Origin.FILE:
        other.members.sync([member])
    else:
        Interventions(other.store).enter(member)
    record = other.members.get("alice")
    assert record is not None
    if is_spent:
        now = pool.clock.now
        assert other.tokens.save(record, Tokens("access", BOB), issued=now, expires=now + 900, next_due=now + 450)
    accounts = Accounts(other.store)
    accounts.pause("alice")
    text = accounts.export(["alice"]).text
    if origin is Origin.FILE:
        other.members.sync([])
    accounts.delete("alice")
    assert [each.outcome for each in Accounts(pool.store).add(text, Kind.KIMI)] == [Outcome.ADDED]


def test_what_this_pool_has_is_told_as_its_own(pool: Pool, other: Pool) -> None:
    (name,) = serve(pool, ALICE)
    other.store.redis.hset(other.store.key("holders"), mapping=pool.store.redis.hgetall(pool.store.key("holders")))
    other.store.redis.sadd(other.store.key("accounts"), name)
    assert [(each.code, each.name) for each in add(pool, ALICE)] == [(Code.KNOWN, name)]


def test_a_key_may_be_in_two(pool: Pool, other: Pool) -> None:
    key = "sk-" + "a1" * 24
    for each in (other, pool):
        assert [taken.outcome for taken in Accounts(each.store).add(key, Kind.MOONSHOT)] == [Outcome.ADDED]


def test_a_client_is_not_served_with_a_token_of_another_pool(pool: Pool, other: Pool) -> None:
    serve(other, ALICE)
    fuse = Fuse()
    gateways = PrivateAccounts(Store(pool.store.redis, vault=pool.store.vault, clock=pool.clock, fuse=fuse))
    mine = private_account(ALICE, Kind.KIMI)
    assert gateways.adopt(mine) is Adoption.ELSEWHERE
    assert (gateways.notice([mine]), fuse.blown) == ({}, False)
    assert gateways.adopt(private_account(BOB, Kind.KIMI)) is Adoption.ADOPTED


def test_nor_by_two_pools_with_one_of_his_own(pool: Pool, other: Pool) -> None:
    mine = private_account(ALICE, Kind.KIMI)
    assert PrivateAccounts(other.store).adopt(mine) is Adoption.ADOPTED
    other.freshen(mine.account.name)
    assert PrivateAccounts(pool.store).adopt(mine) is Adoption.ELSEWHERE
    assert [each.code for each in add(pool, ALICE)] == [Code.OTHER_POOL]
