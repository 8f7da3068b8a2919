from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import structlog

from kimi.accounts import Account, ConfiguredAccount, Kind, Record, State, Tokens
from kimi.errors import (
    AccountBanned,
    AccountDead,
    BrokenAnswer,
    KimiError,
    Overloaded,
    RateLimited,
    StoreUnavailable,
    Unreachable,
    UpstreamTimeout,
)
from kimi.pool import Members, TokenStore
from refresher.refreshing import Outcome, Refreshing
from refresher.stopping import Stop
from tests.kimi.pool.pools import Pool
from tests.refresher.conftest import build
from tests.refresher.vendors import Vendor

ALICE = Account(name="alice", kind=Kind.KIMI)
OFFICIAL = Account(name="official", kind=Kind.MOONSHOT, max_concurrency=50)


def stored(pool: Pool, name: str = "alice") -> Record:
    record = pool.members.get(name)
    assert record is not None
    return record


def test_a_new_account_gets_its_tokens_and_a_time_for_the_next(
    pool: Pool, vendor: Vendor, refreshing: Refreshing
) -> None:
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    record = stored(pool)
    assert vendor.asked == ["refresh-alice"]
    assert record.state is State.ACTIVE
    assert record.refresh == vendor.current["alice"]
    assert record.access_expires == pool.clock.now + 900
    assert record.due is not None
    assert 450 <= record.due - pool.clock.now <= 540
    assert pool.leases.acquire(["kimi"], model="kimi").token == record.access


def test_the_next_exchange_uses_the_rotated_token(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(ALICE)
    for _ in range(3):
        assert refreshing.refresh("alice") is Outcome.REFRESHED
        pool.clock.now += 600
    assert len(set(vendor.asked)) == 3


def test_an_account_that_somebody_else_is_at_is_left_alone(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(ALICE)
    with pool.tokens.lock("alice", 60) as had:
        assert had
        assert refreshing.refresh("alice") is Outcome.LOCKED
    assert vendor.asked == []


def test_whether_it_is_due_is_asked_again_under_the_lock(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(ALICE)
    assert pool.tokens.due() == ["alice"]
    pool.freshen("alice")  # another refresher was quicker
    assert refreshing.refresh("alice") is Outcome.NOT_DUE
    assert vendor.asked == []


@pytest.mark.parametrize("gone", ["removed", "unknown", "paused"])
def test_an_account_out_of_service_is_not_refreshed(
    pool: Pool, vendor: Vendor, refreshing: Refreshing, gone: str
) -> None:
    if gone != "unknown":
        pool.configure(ALICE)
    if gone == "removed":
        pool.configure()
    if gone == "paused":
        pool.members.mark("alice", 1, State.PAUSED, "by the operator")
    assert refreshing.refresh("alice") is Outcome.NOT_DUE
    assert vendor.asked == []


def test_a_rejected_access_token_is_refreshed_before_its_time(
    pool: Pool, vendor: Vendor, refreshing: Refreshing
) -> None:
    pool.fill(ALICE)
    pool.leases.reject(pool.leases.acquire(["kimi"], model="kimi"))
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert not stored(pool).rejected
    assert len(vendor.asked) == 1


def test_passing_trouble_is_waited_out_and_never_condemns(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(ALICE)
    vendor.script = [Unreachable("no route")] * 10
    waits = []
    with structlog.testing.capture_logs() as lines:
        for failures in range(1, 11):
            assert refreshing.refresh("alice") is Outcome.POSTPONED
            record = stored(pool)
            assert (record.state, record.failures) == (State.NEW, failures)
            assert record.due is not None
            waits.append(record.due - pool.clock.now)
            assert refreshing.refresh("alice") is Outcome.NOT_DUE
            pool.clock.now = record.due
    assert waits[0] < 1.5
    assert 48 <= waits[-1] <= 60
    assert [line["log_level"] for line in lines] == ["warning"] + ["debug"] * 9
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert stored(pool).failures == 0


def test_a_wait_that_the_vendor_asks_for_is_kept(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(ALICE)
    vendor.script = [RateLimited("slow down", retry_after=120)]
    assert refreshing.refresh("alice") is Outcome.POSTPONED
    assert stored(pool).due == pool.clock.now + 120


def test_a_refused_refresh_token_makes_the_account_dead_which_is_said_once(
    pool: Pool, vendor: Vendor, refreshing: Refreshing
) -> None:
    pool.configure(ALICE)
    vendor.script = [AccountDead("auth.token.invalid")]
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.DEAD
        assert refreshing.refresh("alice") is Outcome.NOT_DUE
    record = stored(pool)
    assert (record.state, record.reason) == (State.DEAD, "auth.token.invalid")
    assert record.refresh == "refresh-alice"  # remembered, never deleted
    assert [(line["log_level"], line["account"]) for line in lines] == [("error", "alice")]


class Killed(BaseException):
    """The end of the process, as far as a thread can play it."""


def kill(*_: object) -> None:
    raise Killed


def cut_off(refreshing: Refreshing, vendor: Vendor) -> None:
    """An exchange whose process is killed before it has the answer."""
    vendor.script = [kill]
    with pytest.raises(Killed):
        refreshing.refresh("alice")


def test_a_token_whose_exchange_was_cut_off_before_it_reached_the_vendor_is_good_still(
    pool: Pool, vendor: Vendor, refreshing: Refreshing
) -> None:
    pool.configure(ALICE)
    cut_off(refreshing, vendor)
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert vendor.asked == ["refresh-alice"] * 2
    (warning,) = [line for line in lines if line["log_level"] == "warning"]
    assert warning["event"].startswith("an exchange was cut off before its answer was stored")
    pool.clock.now += 600
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert [line for line in lines if line["log_level"] != "debug"] == []


def test_a_token_that_was_refused_before_its_refresher_was_killed_is_not_taken_for_lost(
    pool: Pool, vendor: Vendor, stop: Stop
) -> None:
    pool.configure(ALICE)
    vendor.script = [AccountDead("invalid claims")] * 2
    with pytest.raises(Killed):
        build(pool, vendor, stop, pause=kill).refresh("alice")
    assert build(pool, vendor, stop).refresh("alice") is Outcome.DEAD


class DyingStore(TokenStore):
    """Its process is killed with the answer in its hands."""

    def save(self, record: Record, tokens: Tokens, **times: Any) -> bool:
        raise Killed


def test_an_account_whose_answer_died_with_the_process_is_told_apart_from_a_dead_one(
    pool: Pool, vendor: Vendor, stop: Stop
) -> None:
    pool.configure(ALICE)
    tokens, pool.tokens = pool.tokens, DyingStore(pool.store)
    with pytest.raises(Killed):
        build(pool, vendor, stop).refresh("alice")
    pool.tokens = tokens
    with structlog.testing.capture_logs() as lines:
        assert build(pool, vendor, stop).refresh("alice") is Outcome.LOST
    assert stored(pool).state is State.DEAD
    assert stored(pool).reason == (
        "invalid claims; an exchange before was cut off, its answer with the next token was lost on the way"
    )
    assert [line["log_level"] for line in lines] == ["warning", "error"]
    assert vendor.asked == ["refresh-alice"] * 2  # once more, and never again


def test_whoever_was_stopped_during_an_exchange_is_given_time_to_store_its_answer(
    pool: Pool, vendor: Vendor, stop: Stop
) -> None:
    pool.configure(ALICE)
    cut_off(build(pool, vendor, stop), vendor)
    waking = build(pool, vendor, stop, pause=lambda _: pool.freshen("alice"))
    assert waking.refresh("alice") is Outcome.NOT_DUE
    assert len(vendor.asked) == 1


def test_whoever_lost_the_lock_before_the_exchange_spends_nothing(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    pool.configure(ALICE)

    class Slow(Members):
        def get(self, name: str) -> Record | None:
            record = super().get(name)
            pool.store.redis.set(pool.store.key("lock", name), "somebody else, after it expired")
            return record

    pool.members = Slow(pool.store)
    assert build(pool, vendor, stop).refresh("alice") is Outcome.NOT_DUE
    assert vendor.asked == []


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (Unreachable("reset"), Outcome.LOST),
        (UpstreamTimeout("nothing came"), Outcome.LOST),
        (BrokenAnswer("no token pair"), Outcome.LOST),
        (Unreachable("connection refused", sent=False), Outcome.DEAD),
        (RateLimited("slow down"), Outcome.DEAD),
        (Overloaded("busy"), Outcome.DEAD),
    ],
)
def test_a_refusal_after_an_answer_that_never_came_is_told_apart(
    pool: Pool, vendor: Vendor, refreshing: Refreshing, failure: KimiError, outcome: Outcome
) -> None:
    pool.configure(ALICE)
    vendor.script = [failure, RateLimited("a word that changes nothing"), AccountDead("invalid claims")]
    for _ in range(2):
        assert refreshing.refresh("alice") is Outcome.POSTPONED
        pool.clock.now += 5
    assert refreshing.refresh("alice") is outcome
    assert ("lost on the way" in stored(pool).reason) == (outcome is Outcome.LOST)


def test_a_key_is_not_spent_by_being_tried(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(OFFICIAL)
    vendor.script = [kill]
    with pytest.raises(Killed):
        refreshing.refresh("official")
    vendor.script = [Unreachable("reset"), AccountDead("invalid key")]
    assert refreshing.refresh("official") is Outcome.POSTPONED
    pool.clock.now += 5
    assert refreshing.refresh("official") is Outcome.DEAD
    assert stored(pool, "official").reason == "invalid key"


def test_a_banned_account_is_told_apart(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(ALICE)
    vendor.script = [AccountBanned("closed")]
    assert refreshing.refresh("alice") is Outcome.BANNED
    assert (stored(pool).state, stored(pool).reason) == (State.BANNED, "closed")


def test_a_refusal_of_a_token_that_was_replaced_meanwhile_is_not_believed(
    pool: Pool, vendor: Vendor, refreshing: Refreshing
) -> None:
    pool.configure(ALICE)

    def meanwhile() -> None:
        pool.freshen("alice")
        raise AccountDead("invalid claims")

    vendor.script = [meanwhile]
    assert refreshing.refresh("alice") is Outcome.SUPERSEDED
    assert stored(pool).state is State.ACTIVE


def test_nobody_is_condemned_in_haste_at_the_end(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    pool.configure(ALICE)
    stop.set()
    vendor.script = [AccountDead("invalid claims")]
    refreshing = build(pool, vendor, stop, pause=lambda _: pool.freshen("alice"))
    assert refreshing.refresh("alice") is Outcome.SUPERSEDED


def test_what_another_refresher_has_said_already_is_not_said_again(
    pool: Pool, vendor: Vendor, refreshing: Refreshing
) -> None:
    pool.configure(ALICE)

    def meanwhile() -> None:
        pool.members.mark("alice", 1, State.DEAD, "invalid claims")
        raise AccountDead("invalid claims")

    vendor.script = [meanwhile]
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.DEAD
    assert lines == []


def test_a_new_token_of_the_operator_revives_the_account(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(ALICE)
    vendor.script = [AccountDead("refused")]
    refreshing.refresh("alice")
    vendor.current.clear()
    pool.members.sync([ConfiguredAccount(ALICE, "another")])
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert vendor.asked[-1] == "another"


class FlakyStore(TokenStore):
    """Fails to save so many times, before or after the store has taken it."""

    def __init__(self, pool: Pool, failures: int, *, applied: bool = False) -> None:
        super().__init__(pool.store)
        self.failures = failures
        self.applied = applied

    def save(self, record: Record, tokens: Tokens, **times: Any) -> bool:
        if self.failures <= 0:
            return super().save(record, tokens, **times)
        self.failures -= 1
        if self.applied:
            super().save(record, tokens, **times)
        raise StoreUnavailable("gone")


@pytest.mark.parametrize("applied", [False, True], ids=["not stored", "only the answer lost"])
def test_tokens_that_could_not_be_stored_are_kept_and_stored_later_without_another_exchange(
    pool: Pool, vendor: Vendor, stop: Stop, applied: bool
) -> None:
    pool.configure(ALICE)
    pool.tokens = FlakyStore(pool, 2, applied=applied)
    with structlog.testing.capture_logs() as lines:
        assert build(pool, vendor, stop).refresh("alice") is Outcome.REFRESHED
    record = stored(pool)
    assert (record.refresh, record.version) == (vendor.current["alice"], 2)
    assert len(vendor.asked) == 1
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["fresh tokens are not stored yet"]


def test_what_the_operator_stored_during_the_exchange_stays(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(ALICE)
    vendor.script = [lambda: pool.members.sync([ConfiguredAccount(ALICE, "another")])]
    assert refreshing.refresh("alice") is Outcome.SUPERSEDED
    assert (stored(pool).refresh, stored(pool).state) == ("another", State.NEW)


def test_a_store_that_loses_everything_during_the_exchange_gets_the_tokens_all_the_same(
    pool: Pool, vendor: Vendor, refreshing: Refreshing
) -> None:
    pool.configure(ALICE)
    for _ in range(3):
        refreshing.refresh("alice")
        pool.clock.now += 600
    spent = stored(pool).refresh

    def lose() -> None:
        pool.store.redis.flushall()
        pool.members.sync([ConfiguredAccount(ALICE, spent)])

    vendor.script = [lose]
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert stored(pool).refresh == vendor.current["alice"]


def test_an_account_that_the_store_has_lost_is_left_to_its_return(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    pool.configure(ALICE)
    before = stored(pool)
    rotated: dict[str, str] = {}
    vendor.script = [pool.store.redis.flushall]
    assert build(pool, vendor, stop, rotated).refresh("alice") is Outcome.SUPERSEDED
    pool.members.sync([ConfiguredAccount(ALICE, "refresh-alice")], rotated=rotated)
    assert rotated == {before.fingerprint: stored(pool).refresh}
    assert stored(pool).refresh == vendor.current["alice"]


def test_tokens_that_cannot_be_stored_before_the_end_are_told_loudly(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    pool.configure(ALICE)
    pool.tokens = FlakyStore(pool, 1_000_000)
    vendor.script = [stop.set]
    with structlog.testing.capture_logs() as lines:
        assert build(pool, vendor, stop).refresh("alice") is Outcome.UNSAVED
    (line,) = [line for line in lines if line["log_level"] == "critical"]
    assert line["account"] == "alice"


def test_tokens_are_still_stored_when_the_store_returns_just_before_the_end(
    pool: Pool, vendor: Vendor, stop: Stop
) -> None:
    pool.configure(ALICE)
    pool.tokens = FlakyStore(pool, 1)
    vendor.script = [stop.set]
    assert build(pool, vendor, stop).refresh("alice") is Outcome.REFRESHED


@pytest.fixture
def read_only(pool: Pool) -> Iterator[None]:
    """A server that takes no writes, as one does that has lost its replicas, its disk or its role."""
    pool.configure(ALICE)
    pool.store.redis.config_set("min-replicas-to-write", 1)
    yield
    pool.store.redis.config_set("min-replicas-to-write", 0)


@pytest.mark.usefixtures("read_only")
def test_no_token_is_spent_when_the_store_takes_no_writes(vendor: Vendor, refreshing: Refreshing) -> None:
    with pytest.raises(StoreUnavailable):
        refreshing.refresh("alice")
    assert vendor.asked == []


def test_a_key_is_tried_on_the_list_of_models(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(OFFICIAL)
    vendor.models = ["kimi-k2.6", "kimi-k3"]
    assert refreshing.refresh("official") is Outcome.REFRESHED
    record = stored(pool, "official")
    assert (record.access, record.refresh) == ("refresh-official", "refresh-official")
    assert record.models == ("kimi-k2.6", "kimi-k3")
    assert record.due is not None
    assert 2880 <= record.due - pool.clock.now <= 3600
    assert pool.leases.acquire(["moonshot:kimi-k3"], model="kimi-k3").token == "refresh-official"


def test_a_refused_key_is_dead(pool: Pool, vendor: Vendor, refreshing: Refreshing) -> None:
    pool.configure(OFFICIAL)
    vendor.script = [AccountDead("invalid_authentication_error")]
    assert refreshing.refresh("official") is Outcome.DEAD


@pytest.mark.parametrize("skew", [-86_400.0, 86_400.0])
def test_a_clock_that_is_far_from_the_vendors_does_no_harm(
    pool: Pool, vendor: Vendor, refreshing: Refreshing, skew: float
) -> None:
    vendor.skew = skew
    pool.configure(ALICE)
    refreshing.refresh("alice")
    assert stored(pool).access_expires == pool.clock.now + 900


@pytest.mark.parametrize("age", [60.0, 3600.0, 1e9])
def test_a_token_that_was_made_long_ago_is_good_for_no_longer_than_it_says(
    pool: Pool, vendor: Vendor, refreshing: Refreshing, age: float
) -> None:
    vendor.age = age
    pool.configure(ALICE)
    refreshing.refresh("alice")
    assert stored(pool).access_expires == pool.clock.now + 900


@pytest.mark.parametrize("lifetime", [None, -5.0])
def test_a_token_that_does_not_say_how_long_it_is_good_is_taken_to_be_short_lived(
    pool: Pool, vendor: Vendor, refreshing: Refreshing, lifetime: float | None
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
        refreshing = build(pool, vendor, Stop())
        together.wait(10)
        return [refreshing.refresh(name) for name in names]

    with ThreadPoolExecutor(8) as threads:
        outcomes = [outcome for future in [threads.submit(work) for _ in range(8)] for outcome in future.result()]
    assert len(vendor.asked) == len(set(vendor.asked)) == 10
    assert outcomes.count(Outcome.REFRESHED) == 10
    assert set(outcomes) <= {Outcome.REFRESHED, Outcome.LOCKED, Outcome.NOT_DUE}
