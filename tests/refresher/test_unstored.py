"""Fresh tokens that the store does not take, or takes later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from kimi.accounts import ConfiguredAccount, Record, State, Tokens
from kimi.errors import (
    StoreUnavailable,
)
from kimi.pool import TokenStore
from kimi.pool.tokens import Credential
from refresher.memory import Memory
from refresher.outcomes import Outcome
from refresher.stopping import GRACE_SECONDS, Stop
from tests.kimi.pool.pools import Clock, Pool
from tests.refresher.conftest import build, stored
from tests.refresher.house import ALICE, ByHand
from tests.refresher.vendors import Vendor


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


@pytest.mark.parametrize("withholds", [False, True], ids=["both tokens", "the refresh token alone"])
def test_what_the_operator_stored_during_the_exchange_stays(
    pool: Pool, vendor: Vendor, refreshing: ByHand, withholds: bool
) -> None:
    pool.configure(ALICE)
    vendor.withholds = withholds
    vendor.script = [lambda: pool.members.sync([ConfiguredAccount(ALICE, "another")])]
    assert refreshing.refresh("alice") is Outcome.SUPERSEDED
    assert (stored(pool).refresh, stored(pool).state) == ("another", State.NEW)


def test_a_store_that_loses_everything_during_the_exchange_gets_the_tokens_all_the_same(
    pool: Pool, vendor: Vendor, refreshing: ByHand
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
    memory = Memory(pool.members, pool.tokens)
    vendor.script = [pool.store.redis.flushall]
    assert build(pool, vendor, stop, memory).refresh("alice") is Outcome.SUPERSEDED
    pool.members.sync([ConfiguredAccount(ALICE, "refresh-alice")], rotated=memory.latest)
    assert memory.latest == {before.fingerprint: Credential(vendor.current["alice"], before.version + 1)}
    assert (stored(pool).refresh, stored(pool).version) == (vendor.current["alice"], before.version + 1)


def test_tokens_that_cannot_be_stored_before_the_end_are_told_loudly(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    pool.configure(ALICE)
    pool.tokens = FlakyStore(pool, 1_000_000)
    vendor.script = [stop.set]
    with structlog.testing.capture_logs() as lines:
        assert build(pool, vendor, stop).refresh("alice") is Outcome.UNSAVED
    (line,) = [line for line in lines if line["log_level"] == "critical"]
    assert line["account"] == "alice"


def test_tokens_are_still_stored_when_the_store_returns_just_before_whoever_stops_it_kills_it(
    pool: Pool, vendor: Vendor
) -> None:
    pool.configure(ALICE)
    seconds = Clock()
    began, stop = seconds(), Stop(monotonic=seconds)

    def pause(more: float) -> None:
        seconds.now += more
        if seconds() >= began + GRACE_SECONDS - 15:
            tokens.failures = 0

    pool.tokens = tokens = FlakyStore(pool, 1_000_000)
    vendor.script = [stop.set]
    assert build(pool, vendor, stop, pause=pause).refresh("alice") is Outcome.REFRESHED
    assert stored(pool).refresh == vendor.current["alice"]


@pytest.fixture
def read_only(pool: Pool) -> Iterator[None]:
    """A server that takes no writes, as one does that has lost its replicas, its disk or its role."""
    pool.configure(ALICE)
    pool.store.redis.config_set("min-replicas-to-write", 1)
    yield
    pool.store.redis.config_set("min-replicas-to-write", 0)


@pytest.mark.usefixtures("read_only")
def test_no_token_is_spent_when_the_store_takes_no_writes(vendor: Vendor, refreshing: ByHand) -> None:
    with pytest.raises(StoreUnavailable):
        refreshing.refresh("alice")
    assert vendor.asked == []
