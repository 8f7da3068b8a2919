"""Exchanges that were cut off: who may try again, and how a lost answer is told from a dead token."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from kimi.accounts import Record, State, Tokens
from kimi.errors import (
    AccountDead,
    BrokenAnswer,
    KimiError,
    Overloaded,
    RateLimited,
    Unreachable,
    UpstreamTimeout,
)
from kimi.pool import Members, TokenStore
from refresher.outcomes import Outcome
from refresher.stopping import Stop
from tests.kimi.pool.pools import Pool
from tests.refresher.conftest import OFFICIAL, build, stored
from tests.refresher.house import ALICE, ByHand
from tests.refresher.vendors import Vendor


class Killed(BaseException):
    """The end of the process, as far as a thread can play it."""


def kill(*_: object) -> None:
    raise Killed


def cut_off(refreshing: ByHand, vendor: Vendor) -> None:
    """An exchange whose process is killed before it has the answer."""
    vendor.script = [kill]
    with pytest.raises(Killed):
        refreshing.refresh("alice")


def test_a_token_whose_exchange_was_cut_off_before_it_reached_the_vendor_is_good_still(
    pool: Pool, vendor: Vendor, refreshing: ByHand
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
    pool: Pool, vendor: Vendor, refreshing: ByHand, failure: KimiError, outcome: Outcome
) -> None:
    pool.configure(ALICE)
    vendor.script = [failure, RateLimited("a word that changes nothing"), AccountDead("invalid claims")]
    for _ in range(2):
        assert refreshing.refresh("alice") is Outcome.POSTPONED
        pool.clock.now += 5
    assert refreshing.refresh("alice") is outcome
    assert ("lost on the way" in stored(pool).reason) == (outcome is Outcome.LOST)


def test_a_key_is_not_spent_by_being_tried(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(OFFICIAL)
    vendor.script = [kill]
    with pytest.raises(Killed):
        refreshing.refresh("official")
    vendor.script = [Unreachable("reset"), AccountDead("invalid key")]
    assert refreshing.refresh("official") is Outcome.POSTPONED
    pool.clock.now += 5
    assert refreshing.refresh("official") is Outcome.DEAD
    assert stored(pool, "official").reason == "invalid key"
