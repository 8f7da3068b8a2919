"""Who refreshes how many accounts at once, and which."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from devtools.waiting import until
from kimi.accounts import State
from kimi.pool import Members
from kimi.pool.locks import Lock
from refresher.lines import THREADS
from refresher.outcomes import Outcome
from tests.refresher.house import ALICE, House, pool_at


def test_no_more_exchanges_run_at_once_than_there_are_threads(redis_url: str) -> None:
    house = House(redis_url, threads=3)
    names = [f"account-{number}" for number in range(12)]
    house.pool.configure(*(replace(ALICE, name=name) for name in names))
    three = threading.Barrier(3)
    house.vendor.script = [lambda: three.wait(10)] * 12
    with house.running():
        until(lambda: house.is_active(*names))
    assert house.vendor.most_running == 3


def test_so_many_may_wait_for_the_disk_of_redis_that_others_need_not(redis_url: str) -> None:
    """Which takes what is written once a second: with 16 at once no more than 16 a second would be refreshed."""
    house = House(redis_url, threads=THREADS)
    names = [f"account-{number}" for number in range(60)]
    house.pool.configure(*(replace(ALICE, name=name) for name in names))
    all_of_them = threading.Barrier(60)
    house.vendor.script = [lambda: all_of_them.wait(20)] * 60
    with house.running():
        until(lambda: house.is_active(*names))


def test_a_proxy_that_says_nothing_holds_up_its_own_accounts_alone(redis_url: str) -> None:
    house = House(redis_url, threads=4)
    behind = [replace(ALICE, name=f"a-{number}", proxy="http://127.0.0.1:9") for number in range(9)]
    house.pool.configure(*behind, *(replace(ALICE, name=name) for name in ("bob", "carol")))
    good, silent = house.refresh, threading.Event()

    def refresh(lock: Lock) -> Outcome:
        return good(lock) if not lock.name.startswith("a-") or silent.wait(20) else Outcome.NOT_DUE

    house.refresh = refresh
    with house.running():
        until(lambda: house.is_active("bob", "carol"))
        assert not any(house.is_active(account.name) for account in behind)
        silent.set()
        until(lambda: house.is_active(*(account.name for account in behind)))


def test_as_soon_as_one_has_ended_the_next_of_its_line_begins(redis_url: str) -> None:
    house = House(redis_url, threads=4, idle=60.0)
    names = [f"account-{number}" for number in range(9)]
    house.pool.configure(*(replace(ALICE, name=name) for name in names))
    three = threading.Barrier(3)
    house.vendor.script = [lambda: three.wait(10)] * 9
    with house.running():
        until(lambda: house.is_active(*names))
    assert house.vendor.most_running == 3


def test_a_start_with_many_accounts_is_no_stampede(redis_url: str) -> None:
    first = House(redis_url, rate=20, threads=THREADS)
    second = House(redis_url, rate=20, threads=THREADS, vendor=first.vendor)
    names = [f"account-{number}" for number in range(60)]
    first.pool.configure(*(replace(ALICE, name=name) for name in names))
    began = time.monotonic()
    with first.running(), second.running():
        until(lambda: len(first.vendor.asked) == 60)
        took = time.monotonic() - began
        until(lambda: second.is_active(*names))
    assert took > 1.9, "twenty at once, and twenty a second from then on"
    assert min(house.count(Outcome.REFRESHED) for house in (first, second)) > 6, "both have done their share"
    assert len(set(first.vendor.asked)) == 60


def test_an_account_out_of_reach_does_not_hide_the_others(redis_url: str) -> None:
    house = House(redis_url, threads=1)
    house.pool.configure(ALICE, replace(ALICE, name="bob"))
    with pool_at(redis_url) as pool, pool.held("alice", 30), house.running():
        until(lambda: house.is_active("bob"))
    assert house.vendor.asked == ["refresh-bob"]


def test_two_workers_share_the_work_and_never_do_it_twice(redis_url: str) -> None:
    first = House(redis_url, lifetime=3.0)
    second = House(redis_url, vendor=first.vendor)
    names = [f"account-{number}" for number in range(20)]
    first.pool.configure(*(replace(ALICE, name=name) for name in names))
    with first.running(), second.running():
        until(lambda: len(first.vendor.asked) >= 60)
    assert len(set(first.vendor.asked)) == len(first.vendor.asked)
    with pool_at(redis_url) as pool:
        assert {record.state for record in Members(pool.store).all()} == {State.ACTIVE}
