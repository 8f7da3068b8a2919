"""Tokens that are missing, expired or rejected, as who wants a lease meets them."""

from __future__ import annotations

import pytest

from kimi.accounts import ConfiguredAccount, Tokens
from kimi.errors import AwaitingToken
from tests.kimi.pool.pools import Pool, take, web


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
    assert pool.due() == []
    assert [pool.leases.reject(lease) for lease in leases] == [True, False, False]
    assert pool.due() == ["a"]
    with pytest.raises(AwaitingToken):
        take(pool)
    pool.freshen("a")
    assert pool.due() == []
    assert not pool.leases.reject(leases[0]), "an older token's rejection says nothing about the new one"
    for lease in leases:
        pool.leases.release(lease)
    assert take(pool).token == "access-a-3"


def until_due(pool: Pool) -> float:
    """Seconds until the account is refreshed."""
    record = pool.members.get("a")
    assert record is not None and record.due is not None
    return max(record.due - pool.clock.now, 0)


def test_an_account_whose_new_tokens_are_all_rejected_is_refreshed_ever_more_rarely(pool: Pool) -> None:
    def wait() -> float:
        pool.freshen("a")
        pool.leases.reject(take(pool))
        seconds = until_due(pool)
        pool.clock.now += seconds
        return seconds

    account = web("a", max_concurrency=100)
    pool.configure(account)
    assert [wait() for _ in range(10)] == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    pool.freshen("a")
    pool.clock.now += 10
    pool.leases.reject(take(pool))
    assert pool.due() == ["a"]
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
        return until_due(pool)

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
