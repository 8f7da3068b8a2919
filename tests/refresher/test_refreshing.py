from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import structlog

from kimi.accounts import Account, ConfiguredAccount, State
from kimi.errors import (
    AccountBanned,
    AccountDead,
    RateLimited,
    TokenRejected,
    Unreachable,
)
from kimi.pool.due import DueRefreshes, Room
from refresher.outcomes import Outcome
from refresher.stopping import Stop
from tests.kimi.pool.pools import KIMI, Pool, wish
from tests.refresher.conftest import OFFICIAL, build, stored
from tests.refresher.house import ALICE, ByHand
from tests.refresher.vendors import Vendor


def test_a_new_account_gets_its_tokens_and_a_time_for_the_next(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    record = stored(pool)
    assert vendor.asked == ["refresh-alice"]
    assert record.state is State.ACTIVE
    assert record.refresh == vendor.current["alice"]
    assert record.access_expires == pool.clock.now + 900
    assert record.due is not None
    assert 450 <= record.due - pool.clock.now <= 540
    assert pool.leases.acquire(KIMI).token == record.access


def test_the_next_exchange_uses_the_rotated_token(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    for _ in range(3):
        assert refreshing.refresh("alice") is Outcome.REFRESHED
        pool.clock.now += 600
    assert len(set(vendor.asked)) == 3


def test_an_account_that_somebody_else_is_at_is_left_alone(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    with pool.held("alice", 60):
        assert refreshing.refresh("alice") is None
    assert vendor.asked == []


MEANWHILE: dict[str, Callable[[Pool], object]] = {
    "another refresher was quicker": lambda pool: pool.freshen("alice"),
    "removed": lambda pool: pool.configure(),
    "lost": lambda pool: pool.store.redis.flushall(),
    "paused": lambda pool: pool.members.mark("alice", 1, State.PAUSED, "by the operator"),
}


@pytest.mark.parametrize("happened", MEANWHILE)
def test_whether_it_is_due_is_asked_again_under_the_lock(
    pool: Pool, vendor: Vendor, refreshing: ByHand, happened: str
) -> None:
    pool.configure(ALICE)
    lock = refreshing.take("alice")
    assert lock
    MEANWHILE[happened](pool)
    assert refreshing.refreshing.refresh(lock) is Outcome.NOT_DUE
    assert refreshing.refresh("alice") is None
    assert vendor.asked == []


def test_a_rejected_access_token_is_refreshed_before_its_time(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.fill(ALICE)
    pool.leases.reject(pool.leases.acquire(KIMI))
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert not stored(pool).rejected
    assert len(vendor.asked) == 1


def test_passing_trouble_is_waited_out_and_never_condemns(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    vendor.script = [Unreachable("no route")] * 10
    waits = []
    with structlog.testing.capture_logs() as lines:
        for failures in range(1, 11):
            assert refreshing.refresh("alice") is Outcome.POSTPONED
            record = stored(pool)
            assert (record.state, record.failures) == (State.NEW, failures)
            assert record.reason == "Unreachable: no route"
            assert record.due is not None
            waits.append(record.due - pool.clock.now)
            assert refreshing.refresh("alice") is None
            pool.clock.now = record.due
    assert waits[0] < 1.5
    assert 48 <= waits[-1] <= 60
    assert [line["log_level"] for line in lines] == ["warning"] + ["debug"] * 9
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert stored(pool).failures == 0


def test_a_wait_that_the_vendor_asks_for_is_kept(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    vendor.script = [RateLimited("slow down", retry_after=120)]
    assert refreshing.refresh("alice") is Outcome.POSTPONED
    assert stored(pool).due == pool.clock.now + 120


def test_a_refused_refresh_token_makes_the_account_dead_which_is_said_once(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    pool.configure(ALICE)
    vendor.script = [AccountDead("auth.token.invalid")]
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.DEAD
        assert refreshing.refresh("alice") is None
    record = stored(pool)
    assert (record.state, record.reason) == (State.DEAD, "auth.token.invalid")
    assert record.refresh == "refresh-alice"  # remembered, never deleted
    assert [(line["log_level"], line["account"]) for line in lines] == [("error", "alice")]


def test_a_banned_account_is_told_apart(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    vendor.script = [AccountBanned("closed")]
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.BANNED
    assert [line["event"] for line in lines] == ["account is banned, Kimi has closed it"]
    assert (stored(pool).state, stored(pool).reason) == (State.BANNED, "closed")


def test_a_refusal_of_a_token_that_was_replaced_meanwhile_is_not_believed(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    pool.configure(ALICE)

    def meanwhile() -> None:
        pool.freshen("alice")
        raise AccountDead("invalid claims")

    vendor.script = [meanwhile]
    assert refreshing.refresh("alice") is Outcome.SUPERSEDED
    assert stored(pool).state is State.ACTIVE


def test_nobody_is_condemned_in_haste_at_the_end(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    def end() -> None:
        stop.set()
        raise AccountDead("invalid claims")

    pool.configure(ALICE)
    vendor.script = [end]
    refreshing = build(pool, vendor, stop, pause=lambda _: pool.freshen("alice"))
    assert refreshing.refresh("alice") is Outcome.SUPERSEDED


def test_what_another_refresher_has_said_already_is_not_said_again(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    pool.configure(ALICE)

    def meanwhile() -> None:
        pool.members.mark("alice", 1, State.DEAD, "invalid claims")
        raise AccountDead("invalid claims")

    vendor.script = [meanwhile]
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.DEAD
    assert lines == []


def test_a_new_token_of_the_operator_revives_the_account(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    vendor.script = [AccountDead("refused")]
    refreshing.refresh("alice")
    vendor.current.clear()
    pool.members.sync([ConfiguredAccount(ALICE, "another")])
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert vendor.asked[-1] == "another"


def test_a_key_is_tried_on_the_list_of_models(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(OFFICIAL)
    vendor.models = ["kimi-k2.6", "kimi-k3"]
    assert refreshing.refresh("official") is Outcome.REFRESHED
    record = stored(pool, "official")
    assert (record.access, record.refresh) == ("refresh-official", "refresh-official")
    assert record.models == ("kimi-k2.6", "kimi-k3")
    assert record.due is not None
    assert 2880 <= record.due - pool.clock.now <= 3600
    assert pool.leases.acquire(wish("moonshot:kimi-k3", model="kimi-k3")).token == "refresh-official"


def test_a_refused_key_is_dead(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(OFFICIAL)
    vendor.script = [AccountDead("invalid_authentication_error")]
    assert refreshing.refresh("official") is Outcome.DEAD


@pytest.mark.parametrize("skew", [-86_400.0, 86_400.0])
def test_a_clock_that_is_far_from_the_vendors_does_no_harm(
    pool: Pool, vendor: Vendor, refreshing: ByHand, skew: float
) -> None:
    vendor.skew = skew
    pool.configure(ALICE)
    refreshing.refresh("alice")
    assert stored(pool).access_expires == pool.clock.now + 900


@pytest.mark.parametrize("age", [60.0, 3600.0, 1e9])
def test_a_token_that_was_made_long_ago_is_good_for_no_longer_than_it_says(
    pool: Pool, vendor: Vendor, refreshing: ByHand, age: float
) -> None:
    vendor.age = age
    pool.configure(ALICE)
    refreshing.refresh("alice")
    assert stored(pool).access_expires == pool.clock.now + 900


@pytest.mark.parametrize("lifetime", [None, -5.0])
def test_a_token_that_does_not_say_how_long_it_is_good_is_taken_to_be_short_lived(
    pool: Pool, vendor: Vendor, refreshing: ByHand, lifetime: float | None
) -> None:
    vendor.lifetime = lifetime
    pool.configure(ALICE)
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            assert refreshing.refresh("alice") is Outcome.REFRESHED
            assert stored(pool).access_expires == pool.clock.now + 300
            pool.clock.now += 200
    assert [line["event"] for line in lines].count("access token does not say how long it is good") == 1


def test_two_refreshers_never_exchange_the_same_token(pool: Pool, vendor: Vendor) -> None:
    names = [f"account-{number}" for number in range(10)]
    pool.configure(*(replace(ALICE, name=name) for name in names))
    together = threading.Barrier(8)

    def work() -> list[Outcome]:
        due, refreshing = DueRefreshes(pool.store, rate=1000), build(pool, vendor, Stop()).refreshing
        together.wait(10)
        outcomes = []
        while locks := due.take(2, Room(2)).locks:
            outcomes += [refreshing.refresh(lock) for lock, _ in locks]
        return outcomes

    with ThreadPoolExecutor(8) as threads:
        outcomes = [outcome for future in [threads.submit(work) for _ in range(8)] for outcome in future.result()]
    assert len(vendor.asked) == len(set(vendor.asked)) == 10
    assert outcomes == [Outcome.REFRESHED] * 10


@pytest.mark.parametrize("account", [ALICE, OFFICIAL], ids=["web", "key"])
def test_a_refusal_that_may_be_somebody_elses_is_waited_out_more_and_more_rarely_and_told(
    pool: Pool, vendor: Vendor, refreshing: ByHand, account: Account
) -> None:
    pool.configure(account)
    vendor.script = [*[Unreachable("no route")] * 9, *[TokenRejected("the exchange answered 401")] * 10]
    waits = []
    with structlog.testing.capture_logs() as lines:
        for _ in range(19):
            assert refreshing.refresh(account.name) is Outcome.POSTPONED
            record = stored(pool, account.name)
            assert record.state is State.NEW
            assert record.due is not None
            waits.append(record.due - pool.clock.now)
            pool.clock.now = record.due
    assert stored(pool, account.name).reason == "TokenRejected: the exchange answered 401"
    assert waits[9] <= 15
    assert 2880 <= waits[-1] <= 3600
    assert len([line for line in lines if line["log_level"] == "error" and line["account"] == account.name]) == 1
    assert refreshing.refresh(account.name) is Outcome.REFRESHED
    assert stored(pool, account.name).state is State.ACTIVE


def test_a_key_that_a_chat_was_refused_with_is_tried_before_it_is_given_up(pool: Pool, refreshing: ByHand) -> None:
    pool.configure(OFFICIAL)
    assert refreshing.refresh("official") is Outcome.REFRESHED
    pool.leases.reject(pool.leases.acquire(wish("moonshot:kimi-k3", model="kimi-k3")))
    assert refreshing.refresh("official") is Outcome.REFRESHED
    assert (stored(pool, "official").state, stored(pool, "official").rejected) == (State.ACTIVE, False)
