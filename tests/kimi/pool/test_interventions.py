"""What the operator does to accounts while they are in use, and that no token is lost by it."""

from __future__ import annotations

from typing import Any

from kimi.accounts import State
from kimi.pool import Lease
from kimi.pool.changes import Changes
from kimi.pool.interventions import Interventions
from tests.kimi.pool.intervening import changes, heard, stored
from tests.kimi.pool.pools import KIMI, Pool, web

BEFORE_OTHERS = -1e12
"""With the time added: when a refresh is due that somebody waits for since then."""


def test_a_refresh_can_be_wanted_at_once(pool: Pool, hands: Interventions, woken: Any) -> None:
    pool.fill(web("a"))
    heard(woken)
    assert hands.hurry("a") is State.ACTIVE
    assert (stored(pool).due, heard(woken)) == (BEFORE_OTHERS + pool.clock.now, ["a"])
    hands.pause("a")
    assert hands.hurry("a") is State.PAUSED
    assert (stored(pool).due, heard(woken)) == (None, [])


def test_nothing_is_done_to_an_account_that_is_not_there(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a"))
    pool.configure()
    before = stored(pool)
    for verb in (hands.pause, hands.resume, hands.clear, hands.hurry):
        assert verb("a") is None
        assert verb("unknown") is None
    assert stored(pool) == before
    assert [record.account.name for record in pool.members.all()] == ["a"]


def test_a_lease_from_before_a_new_start_is_given_back(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a"))
    lease: Lease = pool.leases.acquire(KIMI)
    pool.members.mark("a", lease.version, State.BANNED, "why")
    hands.clear("a")
    assert pool.leases.reject(lease), "the token that it had was refused as well"
    pool.leases.release(lease)
    assert (pool.count("a"), stored(pool).due) == (0, BEFORE_OTHERS + pool.clock.now)


def test_whoever_keeps_a_copy_hears_of_names_alone(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a"), web("b"))
    everything = Changes(pool.store).names(0)
    assert sorted(everything.names) == ["a", "b"]
    assert everything.number == everything.latest == changes(pool)
    hands.pause("b")
    assert Changes(pool.store).names(everything.number).names == ("b",)
    assert Changes(pool.store).names(everything.latest + 1).names == ()
    first = Changes(pool.store).names(0, limit=1)
    assert (first.names, first.number < first.latest) == (("a",), True)
    assert Changes(pool.store).names(first.number).names == ("b",)
