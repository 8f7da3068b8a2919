from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import structlog
from prometheus_client import CollectorRegistry

from devtools.waiting import until
from kimi.accounts import Account, Kind, Record, State
from kimi.errors import StoreUnavailable, Unreadable
from kimi.pool import Members, Store, connect
from kimi.pool.due import DueRefreshes
from kimi.pool.locks import Lock
from refresher.backlog import Backlog
from refresher.memory import Memory
from refresher.metrics import Metrics
from refresher.outcomes import Outcome
from refresher.refreshing import Refreshing
from refresher.renewal import Renewals
from refresher.stopping import Stop
from refresher.worker import Worker
from tests.kimi.pool.pools import KIMI, Clock, Pool
from tests.refresher.conftest import stored
from tests.refresher.vendors import Vendor
from tests.valkey import Valkey

ALICE = Account(name="alice", kind=Kind.KIMI)
RATE = 1000.0


class Quiet:
    """A chore with nothing to do, but counting its turns; it cannot be done while there is `trouble`."""

    def __init__(self) -> None:
        self.turns = 0
        self.trouble: StoreUnavailable | None = None

    def check(self) -> None:
        self.turns += 1
        if self.trouble:
            raise self.trouble


class Now(Clock):
    """The real time, for a loop that really waits."""

    def __call__(self) -> float:
        return time.time()


class House:
    """A running worker with all that belongs to it."""

    def __init__(
        self, url: str, *, threads: int = 4, idle: float = 0.05, lifetime: float = 900.0, vendor: Vendor | None = None
    ) -> None:
        self.redis = connect(url)
        self.pool = Pool(Store(self.redis), Now())
        self.vendor = vendor or Vendor(time.time, lifetime=lifetime)
        self.stop = Stop()
        self.chore = Quiet()
        self.registry = CollectorRegistry()
        self.refresh: Callable[[Lock], Outcome] = self._refreshing().refresh_taken
        metrics = Metrics(self.registry)
        self.worker = Worker(
            DueRefreshes(self.pool.store, rate=RATE),
            self._refresh,
            self.chore,
            self.stop,
            metrics,
            clock=time.time,
            backlog=Backlog(metrics, rate=RATE),
            threads=threads,
            idle=idle,
        )
        self._thread = threading.Thread(target=self.worker.run)

    def _refresh(self, lock: Lock) -> Outcome:
        return self.refresh(lock)  # which a test may have replaced

    def _refreshing(self) -> Refreshing:
        rng = random.Random(1)
        renewals = Renewals(self.vendor, self.vendor.list_models, clock=time.time, rng=rng)
        return Refreshing(
            self.pool.tokens,
            self.pool.members,
            renewals,
            Memory(self.pool.members, self.pool.tokens),
            self.stop,
            clock=time.time,
            rng=rng,
            second_look=0.0,
            flush_seconds=0.2,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        self.stop.set()
        self.worker.wake()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self.redis.close()

    def record(self, name: str = "alice") -> Record:
        record = self.pool.members.get(name)
        assert record is not None
        return record

    def is_active(self, *names: str) -> bool:
        return all(self.record(name).state is State.ACTIVE for name in names)

    def count(self, outcome: Outcome) -> float:
        return self.registry.get_sample_value("kimi_refresher_refreshes_total", {"result": outcome.value}) or 0.0


def test_accounts_are_refreshed_again_and_again_in_time(redis_url: str) -> None:
    house = House(redis_url, lifetime=3.0)
    house.pool.configure(ALICE)
    with house.running():
        until(lambda: len(house.vendor.asked) >= 3)
    assert len(set(house.vendor.asked)) == len(house.vendor.asked)
    assert house.count(Outcome.REFRESHED) == len(house.vendor.asked)
    with pool_at(redis_url) as pool:
        assert stored(pool).access_expires > time.time()


def test_no_more_exchanges_run_at_once_than_there_are_threads(redis_url: str) -> None:
    house = House(redis_url, threads=3)
    names = [f"account-{number}" for number in range(12)]
    house.pool.configure(*(replace(ALICE, name=name) for name in names))
    three = threading.Barrier(3)
    house.vendor.script = [lambda: three.wait(10)] * 12
    with house.running():
        until(lambda: house.is_active(*names))
    assert house.vendor.most_running == 3


def test_it_wakes_at_once_when_it_is_told_to(redis_url: str) -> None:
    house = House(redis_url, idle=60.0)
    house.pool.fill(ALICE)
    with house.running():
        until(lambda: house.chore.turns == 1)
        house.pool.leases.reject(house.pool.leases.acquire(KIMI))
        house.worker.wake("alice")
        until(lambda: not house.record().rejected)


def test_it_wakes_by_itself_when_the_next_account_is_due(redis_url: str) -> None:
    house = House(redis_url, idle=60.0)
    house.pool.configure(ALICE)
    record = house.record()
    house.pool.tokens.postpone(record, time.time() + 0.3, 1)
    with house.running():
        until(lambda: house.is_active("alice"), seconds=5)


def test_the_end_waits_for_exchanges_that_are_running_and_stores_them(redis_url: str) -> None:
    house = House(redis_url)
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


@contextmanager
def pool_at(url: str) -> Iterator[Pool]:
    redis = connect(url)
    yield Pool(Store(redis), Now())
    redis.close()


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


@pytest.mark.parametrize("trouble", ["lock", "store", "not due"])
def test_an_account_that_cannot_be_had_does_not_keep_the_loop_spinning(redis_url: str, trouble: str) -> None:
    house = House(redis_url, idle=60.0)
    house.pool.configure(ALICE)
    asked: list[str] = []

    def locked(lock: Lock) -> Outcome:
        asked.append(lock.name)
        lock.free()
        if trouble == "store":
            raise StoreUnavailable("just now")
        return Outcome.LOCKED if trouble == "lock" else Outcome.NOT_DUE

    house.refresh = locked
    with house.running():
        until(lambda: asked)
        until(lambda: house.chore.turns >= 2)
        turns = house.chore.turns
        until(lambda: len(asked) == 2, seconds=5)  # a second later
        assert house.chore.turns - turns <= 2


def test_an_account_out_of_reach_does_not_hide_the_others(redis_url: str) -> None:
    house = House(redis_url, threads=1)
    house.pool.configure(ALICE, replace(ALICE, name="bob"))
    with pool_at(redis_url) as pool, pool.tokens.lock("alice", 30), house.running():
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
