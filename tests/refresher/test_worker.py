from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
import structlog

from devtools.waiting import until
from kimi.errors import StoreUnavailable, Unreadable
from kimi.pool.locks import Lock
from refresher.outcomes import Outcome
from tests.kimi.pool.pools import KIMI
from tests.refresher.conftest import stored
from tests.refresher.house import ALICE, House, pool_at
from tests.valkey import Valkey


def test_accounts_are_refreshed_again_and_again_in_time(redis_url: str) -> None:
    house = House(redis_url, lifetime=3.0)
    house.pool.configure(ALICE)
    with house.running():
        until(lambda: len(house.vendor.asked) >= 3)
    assert len(set(house.vendor.asked)) == len(house.vendor.asked)
    assert house.count(Outcome.REFRESHED) == len(house.vendor.asked)
    with pool_at(redis_url) as pool:
        assert stored(pool).access_expires > time.time()


def test_it_wakes_at_once_when_it_is_told_to(redis_url: str) -> None:
    house = House(redis_url, idle=60.0)
    house.pool.fill(ALICE)
    with house.running():
        until(lambda: house.chore.turns == 1)
        house.pool.leases.reject(house.pool.leases.acquire(KIMI))
        house.worker.wake()
        until(lambda: not house.record().rejected)


def test_however_often_it_is_woken_turns_keep_their_distance(redis_url: str) -> None:
    house = House(redis_url, idle=60.0)
    with house.running():
        until(lambda: house.chore.turns == 1)
        began = time.monotonic()

        def turned() -> bool:
            house.worker.wake()
            return house.chore.turns > 8

        until(turned)
        assert time.monotonic() - began > 7 * 0.05


def test_it_wakes_by_itself_when_the_next_account_is_due(redis_url: str) -> None:
    house = House(redis_url, idle=60.0)
    house.pool.configure(ALICE)
    record = house.record()
    house.pool.tokens.postpone(record, time.time() + 0.3, 1)
    with house.running():
        until(lambda: house.is_active("alice"), seconds=5)


def test_the_end_waits_for_exchanges_that_are_running_and_stores_them(redis_url: str) -> None:
    house = House(redis_url, idle=60.0)
    house.pool.configure(ALICE)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go_on.wait(10)

    house.vendor.script = [slow]
    with house.running():
        assert begun.wait(10)
        house.stop.set()
        house.worker.wake()
        go_on.set()
    with pool_at(redis_url) as pool:
        record = pool.members.get("alice")
        assert record is not None
        assert record.refresh == house.vendor.current["alice"]
    assert house.count(Outcome.REFRESHED) == 1
    assert house.worker.unsaved == []


def test_nothing_new_is_begun_after_the_stop(redis_url: str) -> None:
    house = House(redis_url)
    house.pool.configure(ALICE)
    house.stop.set()
    with house.running():
        pass
    assert house.vendor.asked == []


def test_a_store_that_goes_and_comes_back_is_told_once_and_costs_no_account(own_valkey: Valkey) -> None:
    house = House(own_valkey.url)
    house.pool.configure(ALICE)
    with structlog.testing.capture_logs() as lines, house.running():
        until(lambda: house.count(Outcome.REFRESHED) == 1)  # and the account's lock is free
        own_valkey.kill()
        turns = house.chore.turns
        until(lambda: house.chore.turns > turns + 3)
        own_valkey.start()
        house.pool.leases.reject(house.pool.leases.acquire(KIMI))
        until(lambda: not house.record().rejected)
    said = [line["event"] for line in lines]
    assert said.count("waiting for the store") == 1
    assert said.count("the store is back") == 1
    assert len(house.vendor.asked) == 2


def test_why_it_waits_is_told_again_when_the_store_is_back_and_holds_what_no_key_opens(redis_url: str) -> None:
    house = House(redis_url)
    with structlog.testing.capture_logs() as lines, house.running():
        for trouble in (StoreUnavailable("away"), Unreadable("no key opens it"), StoreUnavailable("away"), None):
            house.chore.trouble = trouble
            turns = house.chore.turns
            until(lambda turns=turns: house.chore.turns > turns + 2)  # type: ignore[misc]
    told = [line.get("error", line["event"]) for line in lines]
    assert told == ["away", "no key opens it", "away", "the store is back"]


def test_a_store_that_dies_during_the_exchange_gets_the_tokens_when_it_is_back(own_valkey: Valkey) -> None:
    house = House(own_valkey.url)
    house.pool.configure(ALICE)
    house.vendor.script = [own_valkey.kill]
    with structlog.testing.capture_logs() as lines, house.running():
        until(lambda: "fresh tokens are not stored yet" in [line["event"] for line in lines])
        own_valkey.start()
        until(lambda: house.is_active("alice"))
        assert house.record().refresh == house.vendor.current["alice"]
    assert len(house.vendor.asked) == 1


def test_tokens_that_no_store_would_take_are_named_at_the_end(own_valkey: Valkey) -> None:
    house = House(own_valkey.url)
    house.pool.configure(ALICE)
    house.vendor.script = [own_valkey.kill]
    with structlog.testing.capture_logs() as lines, house.running():
        until(lambda: "fresh tokens are not stored yet" in [line["event"] for line in lines])
    assert house.worker.unsaved == ["alice"]


def test_a_mistake_of_ours_is_told_and_does_not_end_the_loop(redis_url: str) -> None:
    house = House(redis_url)
    house.pool.configure(ALICE, replace(ALICE, name="bob"))
    good = house.refresh
    asked: list[str] = []

    def bad(lock: Lock) -> Outcome:
        asked.append(lock.name)
        if lock.name == "alice":
            with house.pool.tokens.holding(lock):
                raise ZeroDivisionError
        return good(lock)

    house.refresh = bad
    with structlog.testing.capture_logs() as lines, house.running():
        until(lambda: house.is_active("bob"))
        turns = house.chore.turns
        until(lambda: house.chore.turns > turns + 5)
    assert asked.count("alice") == 1
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert isinstance(line["exc_info"], ZeroDivisionError)


@pytest.mark.parametrize("trouble", ["store", "not due"])
def test_an_account_that_cannot_be_had_does_not_keep_the_loop_spinning(redis_url: str, trouble: str) -> None:
    house = House(redis_url, idle=60.0)
    house.pool.configure(ALICE)
    asked: list[str] = []

    def in_vain(lock: Lock) -> Outcome:
        asked.append(lock.name)
        lock.free()
        if trouble == "store":
            raise StoreUnavailable("just now")
        return Outcome.NOT_DUE

    house.refresh = in_vain
    with house.running():
        until(lambda: asked)
        until(lambda: house.chore.turns >= 2)
        turns = house.chore.turns
        until(lambda: len(asked) == 2, seconds=5)  # a second later
        assert house.chore.turns - turns <= 2
