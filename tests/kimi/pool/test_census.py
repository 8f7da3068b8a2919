"""The pool in the memory of whoever shows its figures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from kimi.accounts import Account, Kind, State
from kimi.pool import PrivateAccounts, Store
from kimi.pool.census import ANEW_SECONDS, Census, Count, Counted
from kimi.pool.private import private_account
from tests.kimi.pool.counting import Counting
from tests.kimi.pool.pools import Pool, rest, take, web


@pytest.fixture
def census(pool: Pool) -> Census:
    return Census(pool.store, clock=pool.clock)


def states(census: Census) -> list[State]:
    return sorted(account.state for account in census.count().accounts)


def test_an_account_is_counted_as_it_is(pool: Pool, census: Census) -> None:
    pool.configure(Account(name="key", kind=Kind.MOONSHOT, max_concurrency=7))
    (new,) = census.count().accounts
    assert new == Counted(Kind.MOONSHOT, State.NEW, False, 7, 0.0, 0.0, 0.0)
    assert not new.is_usable(pool.clock.now)
    pool.freshen("key", models=("m",), lifetime=900)
    lease = take(pool, routes=["moonshot:m"], model="m")
    pool.leases.release(lease, rest=rest(30))
    (used,) = census.count().accounts
    until = pool.clock.now + 900
    assert used == Counted(Kind.MOONSHOT, State.ACTIVE, False, 7, until, until, pool.clock.now + 30)
    assert used.is_usable(until - 1) and not used.is_usable(until)
    pool.leases.reject(lease)
    (refused,) = census.count().accounts
    assert (refused.expires, refused.is_usable(pool.clock.now)) == (until, False)


def test_only_what_has_changed_is_read_again(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    store = Counting(pool.store.redis, clock=pool.clock)
    census = Census(store, clock=pool.clock)
    assert states(census) == [State.ACTIVE, State.ACTIVE]
    store.trips = 0
    pool.members.mark("a", 2, State.DEAD, "refused")
    assert states(census) == [State.ACTIVE, State.DEAD]
    assert store.trips == 5, "what has changed, how many there should be, and three for leases"
    pool.configure(web("a"))
    assert states(census) == [State.DEAD]


def test_leases_are_counted_by_kind_but_not_those_of_guests(pool: Pool, census: Census) -> None:
    guest = private_account("a token", Kind.KIMI)
    PrivateAccounts(pool.store).adopt(guest)
    pool.fill(web("a", max_concurrency=2), Account(name="c", kind=Kind.CLASSIC))
    pool.freshen(guest.account.name)
    for route in ("kimi", "kimi", "kimi-classic", f"kimi@{guest.account.name}"):
        take(pool, routes=[route])
    assert census.count().in_flight == {Kind.KIMI: 2, Kind.CLASSIC: 1}


class Beside(Store):
    """One beside which something happens whenever the thread that made it asks."""

    meanwhile: Callable[[], None]

    def guarded(self) -> Any:
        if threading.current_thread() is threading.main_thread():
            self.meanwhile()
        return super().guarded()


def test_who_counts_at_the_same_time_waits_and_sees_as_much(pool: Pool) -> None:
    pool.fill(web("a"))
    take(pool)
    store = Beside(pool.store.redis, clock=pool.clock)
    census = Census(store, clock=pool.clock)
    seen: list[Count] = []
    others: list[threading.Thread] = []

    def begin() -> None:
        others.append(threading.Thread(target=lambda: seen.append(census.count())))
        others[-1].start()
        others[-1].join(0.05)
        assert seen == []

    store.meanwhile = begin
    counted = census.count()
    for other in others:
        other.join()
    assert len(seen) == len(others) > 3
    assert {each.in_flight[Kind.KIMI] for each in (counted, *seen) if each.in_flight} == {1}


def test_all_are_read_anew_where_some_have_vanished_without_a_word(pool: Pool, census: Census) -> None:
    pool.configure(web("a"), web("b"))
    assert len(census.count().accounts) == 2
    for key, remove in (("accounts", pool.store.redis.srem), ("changed", pool.store.redis.zrem)):
        remove(pool.store.key(key), "a")
    assert len(census.count().accounts) == 2, "not at once, for it may be by chance"
    pool.clock.now += ANEW_SECONDS
    assert len(census.count().accounts) == 1


def test_what_redis_has_lost_is_counted_anew(pool: Pool, census: Census) -> None:
    pool.fill(web("a"), web("b"))
    assert len(census.count().accounts) == 2
    pool.store.redis.flushall()
    pool.configure(web("c"))
    assert states(census) == [State.NEW]
