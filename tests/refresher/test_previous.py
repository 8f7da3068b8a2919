"""Where both tokens of a pair are refused and never were good, they may not be Kimi's: those before are tried."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import structlog

from kimi.accounts import ConfiguredAccount, Record, State, Tokens
from kimi.errors import AccountBanned, AccountDead, KimiError, TokenRejected, Unreachable
from kimi.pool.interventions import Interventions
from refresher.outcomes import Outcome
from refresher.stopping import Stop
from tests.kimi.pool.pools import KIMI, Pool
from tests.refresher.conftest import OFFICIAL, build, stored
from tests.refresher.house import ALICE, ByHand
from tests.refresher.vendors import Vendor

ODD = "refresh-alice-3"


class Killed(BaseException):
    """The process ends in the middle of it."""


@pytest.fixture
def first(pool: Pool, refreshing: ByHand) -> Record:
    """What is stored of an account that has been refreshed once."""
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    return stored(pool)


@pytest.fixture
def good(pool: Pool, vendor: Vendor, first: Record) -> str:
    """A good token, which has made room for one that the vendor has never given; nobody has used that so far."""
    good = first.refresh
    pool.freshen("alice")
    assert stored(pool).refresh == ODD
    pool.clock.now += 600
    vendor.asked.clear()
    return good


@pytest.fixture
def rejected(pool: Pool, good: str) -> str:
    """The same, where the first request has found the access token refused."""
    refuse(pool)
    return good


def refuse(pool: Pool) -> None:
    lease = pool.leases.acquire(KIMI)
    pool.leases.reject(lease)
    pool.leases.release(lease, served=False)


def test_the_one_before_is_tried_and_good(pool: Pool, vendor: Vendor, refreshing: ByHand, rejected: str) -> None:
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.REFRESHED

    assert vendor.asked == [ODD, rejected]
    assert (stored(pool).state, stored(pool).refresh) == (State.ACTIVE, vendor.current["alice"])
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "the stored token was refused, one before it was good"
    ]
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED


def test_each_that_is_tried_beside_the_stored_one_is_told(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    pool.configure(ALICE)
    pool.store.redis.hset(
        pool.store.key("account", "alice"), mapping={"rejected": "1", "previous": "p1", "previous2": "p2"}
    )
    told: list[str] = []
    vendor.script = [AccountDead("invalid claims"), AccountDead("invalid claims")]
    refreshing = build(pool, vendor, stop, ask_again=lambda: told.append(vendor.asked[-1]))
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert (len(vendor.asked), told) == (3, vendor.asked[:2])


def test_who_is_told_to_stop_leaves_it_to_the_next_one(
    pool: Pool, vendor: Vendor, refreshing: ByHand, stop: Stop, rejected: str
) -> None:
    vendor.script = [stop.set]
    assert refreshing.refresh("alice") is Outcome.NOT_DUE
    assert vendor.asked == [ODD]

    with structlog.testing.capture_logs() as lines:
        assert build(pool, vendor, Stop()).refresh("alice") is Outcome.REFRESHED
    assert vendor.asked == [ODD, ODD, rejected]
    assert not [line for line in lines if "cut off" in line["event"]]


@pytest.mark.usefixtures("rejected")
def test_who_is_told_to_stop_while_one_before_is_refused_tries_no_further_one(
    pool: Pool, vendor: Vendor, refreshing: ByHand, stop: Stop
) -> None:
    pool.freshen("alice")
    refuse(pool)
    pool.clock.now += 600
    vendor.script = [AccountDead("invalid claims"), stop.set]
    vendor.asked.clear()
    assert refreshing.refresh("alice") is Outcome.NOT_DUE

    assert len(vendor.asked) == 2
    assert stored(pool).state is State.ACTIVE


def test_a_second_odd_pair_does_not_take_its_place(
    pool: Pool, vendor: Vendor, refreshing: ByHand, rejected: str
) -> None:
    pool.freshen("alice")
    odd = stored(pool).refresh
    assert odd not in {ODD, rejected}
    refuse(pool)
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED

    assert vendor.asked == [odd, ODD, rejected]


def test_a_good_pair_whose_access_token_was_refused_by_somebody_else_is_not_dropped_for_the_one_before(
    pool: Pool, vendor: Vendor, refreshing: ByHand, first: Record
) -> None:
    vendor.asked.clear()
    odd = []
    for _ in range(9):
        refuse(pool)
        pool.clock.now += 600
        pool.freshen("alice")
        odd.append(stored(pool).refresh)
    refuse(pool)
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED

    assert vendor.asked == [odd[-1], odd[-2], odd[-3], first.refresh]
    assert [record.refresh for record in stored(pool).previous] == [first.refresh, "refresh-alice"], (
        "the others were none"
    )


def test_a_good_pair_behind_some_that_were_refused_by_somebody_else_is_found(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    pool.configure(ALICE)
    for _ in range(9):
        assert refreshing.refresh("alice") is Outcome.REFRESHED
        refuse(pool)
        pool.clock.now += 600
    good = stored(pool).refresh
    pool.freshen("alice")
    odd = stored(pool).refresh
    refuse(pool)
    vendor.asked.clear()
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED

    assert vendor.asked == [odd, good]


def test_it_is_tried_where_the_address_of_the_upstream_is_put_right(
    pool: Pool, vendor: Vendor, refreshing: ByHand, rejected: str
) -> None:
    pool.configure(replace(ALICE, base_url="https://elsewhere.example"))
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert vendor.asked == [ODD, rejected]


def test_it_is_tried_under_another_name(pool: Pool, vendor: Vendor, refreshing: ByHand, rejected: str) -> None:
    pool.configure()
    pool.members.sync([ConfiguredAccount(replace(ALICE, name="bob"), "refresh-alice")])
    vendor.current["bob"] = rejected  # the login is the same
    assert refreshing.refresh("bob") is Outcome.REFRESHED
    assert vendor.asked == [ODD, rejected]


def test_what_an_older_release_has_left_behind_is_not_tried(pool: Pool, rejected: str) -> None:
    pool.freshen("alice")
    assert [record.refresh for record in stored(pool).previous] == [ODD, rejected]
    pool.store.redis.hdel(pool.store.key("account", "alice"), "previous")
    assert stored(pool).previous == ()


@pytest.mark.usefixtures("good")
def test_it_is_not_tried_where_nobody_refused_the_access_token(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    assert refreshing.refresh("alice") is Outcome.DEAD
    assert vendor.asked == [ODD]

    Interventions(pool.store).clear("alice")
    assert refreshing.refresh("alice") is Outcome.DEAD
    assert vendor.asked == [ODD, ODD]


@pytest.mark.usefixtures("good")
def test_it_is_not_tried_where_the_access_token_was_good_once(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.leases.release(pool.leases.acquire(KIMI), served=True)
    pool.leases.reject(pool.leases.acquire(KIMI))
    assert refreshing.refresh("alice") is Outcome.DEAD

    assert vendor.asked == [ODD]


def test_an_answer_to_the_access_token_before_says_nothing_of_this_one(
    pool: Pool, vendor: Vendor, refreshing: ByHand, first: Record
) -> None:
    lease = pool.leases.acquire(KIMI)
    pool.clock.now += 600
    pool.freshen("alice")
    pool.clock.now += 1
    late = replace(lease, id="from.memory", granted=pool.clock.now)  # Redis was away, the worker's copy is old
    for old in (lease, late):
        pool.leases.release(old, served=True)
    pool.leases.reject(pool.leases.acquire(KIMI))
    assert refreshing.refresh("alice") is Outcome.REFRESHED

    assert vendor.asked[-2:] == [ODD, first.refresh]


@pytest.mark.usefixtures("rejected")
@pytest.mark.parametrize("error", [AccountDead("invalid claims"), AccountBanned("closed")])
def test_where_that_is_refused_too_the_account_is_dead(
    pool: Pool, vendor: Vendor, refreshing: ByHand, error: KimiError
) -> None:
    vendor.script = [AccountDead("auth.token.invalid"), error]
    assert refreshing.refresh("alice") is Outcome.DEAD

    record = stored(pool)
    assert (record.state, record.reason, record.refresh) == (State.DEAD, "auth.token.invalid", ODD)
    assert refreshing.refresh("alice") is None
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("error", [Unreachable("no route", sent=False), TokenRejected("the exchange answered 403")])
def test_where_nobody_says_whether_it_is_good_both_are_tried_again(
    pool: Pool, vendor: Vendor, refreshing: ByHand, rejected: str, error: KimiError
) -> None:
    vendor.script = [AccountDead("invalid claims"), error]
    assert refreshing.refresh("alice") is Outcome.POSTPONED
    assert stored(pool).state is State.ACTIVE

    pool.clock.now += 15
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert vendor.asked == [ODD, rejected] * 2


def test_both_are_tried_again_where_the_operator_wants_it(
    pool: Pool, vendor: Vendor, refreshing: ByHand, rejected: str
) -> None:
    vendor.script = [AccountDead("invalid claims"), AccountDead("invalid claims")]
    assert refreshing.refresh("alice") is Outcome.DEAD
    Interventions(pool.store).clear("alice")
    assert refreshing.refresh("alice") is Outcome.REFRESHED

    assert vendor.asked == [ODD, rejected] * 2


@pytest.mark.usefixtures("rejected")
def test_it_is_not_tried_where_another_token_was_stored_meanwhile(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    others = build(pool, vendor, stop, pause=lambda _: pool.freshen("alice"))
    assert others.refresh("alice") is Outcome.SUPERSEDED

    assert vendor.asked == [ODD]


def test_an_answer_to_it_that_is_lost_is_told_as_lost(
    pool: Pool, vendor: Vendor, refreshing: ByHand, stop: Stop, rejected: str
) -> None:
    def is_killed() -> None:
        vendor.current["alice"] = "its successor"
        raise Killed

    vendor.script = [AccountDead("invalid claims"), is_killed]
    with pytest.raises(Killed):
        refreshing.refresh("alice")

    assert build(pool, vendor, stop).refresh("alice") is Outcome.LOST
    assert vendor.asked == [ODD, rejected] * 2


def test_who_was_stopped_for_longer_than_his_lock_does_not_exchange_it_beside_another(
    pool: Pool, vendor: Vendor, stop: Stop, rejected: str
) -> None:
    frozen, thawed = threading.Event(), threading.Event()

    def suspend(_: float) -> None:
        frozen.set()
        assert thawed.wait(10)

    with ThreadPoolExecutor(1) as threads:
        stopped = threads.submit(build(replace(pool), vendor, stop, pause=suspend).refresh, "alice")
        assert frozen.wait(10)
        pool.store.redis.delete(pool.store.key("lock", "alice"))
        outcomes = []

        def wake() -> None:
            thawed.set()
            outcomes.append(stopped.result(10))

        vendor.script = [AccountDead("invalid claims"), wake]
        assert build(pool, vendor, stop).refresh("alice") is Outcome.REFRESHED

    assert outcomes == [Outcome.NOT_DUE]
    assert vendor.asked == [ODD, ODD, rejected]


@pytest.mark.usefixtures("rejected")
def test_a_token_that_the_operator_brings_has_none_before_it(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.members.sync([ConfiguredAccount(ALICE, "brought")])
    assert refreshing.refresh("alice") is Outcome.DEAD

    assert vendor.asked == ["brought"]


def test_a_key_has_none_before_it(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(OFFICIAL)
    for _ in range(2):
        assert refreshing.refresh("official") is Outcome.REFRESHED
        pool.clock.now += 4000
    vendor.script = [AccountDead("invalid_authentication_error")]
    vendor.asked.clear()
    assert refreshing.refresh("official") is Outcome.DEAD

    assert vendor.asked == ["refresh-official"]


def test_a_refresh_token_that_comes_alone_is_stored_and_exchanged_soon(
    pool: Pool, vendor: Vendor, refreshing: ByHand, first: Record
) -> None:
    pool.clock.now += 600
    vendor.withholds = True
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.REFRESHED
    vendor.withholds = False

    after = stored(pool)
    assert after.refresh == vendor.current["alice"] != first.refresh
    assert (after.access, after.access_expires) == (first.access, first.access_expires), "it serves on"
    assert after.due == pool.clock.now + 1 and after.alone
    assert [line["log_level"] for line in lines if line["log_level"] != "debug"] == ["warning"]
    pool.clock.now += 1
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert stored(pool).access != first.access


def test_where_one_that_came_alone_is_refused_the_one_before_is_tried(
    pool: Pool, vendor: Vendor, refreshing: ByHand, first: Record
) -> None:
    now = pool.clock.now
    assert pool.tokens.save(
        first, Tokens(first.access, ODD), issued=now, expires=first.access_expires, next_due=now, alone=True
    )
    pool.clock.now += 0.5
    pool.leases.release(pool.leases.acquire(KIMI), served=True)  # by an access token that says nothing of it
    vendor.asked.clear()
    assert refreshing.refresh("alice") is Outcome.REFRESHED

    assert vendor.asked == [ODD, first.refresh]
    assert not stored(pool).is_doubted


def test_one_that_has_never_had_an_access_token_serves_nobody_yet(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    pool.configure(ALICE)
    vendor.withholds = True
    waits = []
    for _ in range(8):
        assert refreshing.refresh("alice") is Outcome.REFRESHED
        due = stored(pool).due
        assert due is not None and not stored(pool).has_access
        waits.append(due - pool.clock.now)
        pool.clock.now = due

    assert waits == [1, 1, 1, 1, 1, 2, 4, 8]
