"""A running worker with all that belongs to it."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from kimi.accounts import Account, Kind, Record, State
from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.due import DueRefreshes, Room
from kimi.pool.locks import Lock
from refresher.backlog import Backlog
from refresher.memory import Memory
from refresher.metrics import Metrics
from refresher.outcomes import Outcome
from refresher.refreshing import Refreshing
from refresher.renewal import Renewals
from refresher.slow_start import SlowStart
from refresher.stopping import Stop
from refresher.worker import Worker
from tests.kimi.pool.pools import Clock, Pool
from tests.refresher.vendors import Vendor

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


def build_refreshing(
    pool: Pool,
    vendor: Vendor,
    stop: Stop,
    *,
    clock: Callable[[], float],
    memory: Memory | None = None,
    ask_again: Callable[[], object] = lambda: None,
    pause: Callable[[float], object] = time.sleep,
) -> Refreshing:
    """One that asks the vendor, and takes no time for a second look."""
    rng = random.Random(1)
    return Refreshing(
        pool.tokens,
        pool.members,
        Renewals(vendor, vendor.list_models, clock=clock, rng=rng),
        memory or Memory(pool.members, pool.tokens),
        stop,
        clock=clock,
        rng=rng,
        ask_again=ask_again,
        pause=pause,
        second_look=0.0,
    )


class ByHand:
    """Refreshes the account that a test names, where a worker would be handed it out."""

    def __init__(self, pool: Pool, refreshing: Refreshing) -> None:
        self.refreshing = refreshing
        self._due = DueRefreshes(pool.store, rate=1e6)

    def take(self, name: str) -> Lock | None:
        """The lock with which it is handed out; None where it is not due, or somebody else is at it."""
        wanted = None
        for lock, _ in self._due.take(100, Room(100)).locks:
            if lock.name == name:
                wanted = lock
            else:
                lock.free()
        return wanted

    def refresh(self, name: str) -> Outcome | None:
        """How that ended; None where it is not handed out."""
        lock = self.take(name)
        return None if lock is None else self.refreshing.refresh(lock)


class AtOnce(SlowStart):
    """None: the server of the tests may have been started a moment ago."""

    @property
    def room(self) -> float:
        return math.inf


class House:
    """A running worker with all that belongs to it."""

    def __init__(
        self,
        url: str,
        *,
        threads: int = 4,
        idle: float = 0.05,
        lifetime: float = 900.0,
        rate: float = RATE,
        vendor: Vendor | None = None,
    ) -> None:
        self.redis = connect(url)
        self.pool = Pool(Store(self.redis), Now())
        self.vendor = vendor or Vendor(time.time, lifetime=lifetime)
        self.stop = Stop(hold=0.2)
        self.chore = Quiet()
        self.registry = CollectorRegistry()
        due = DueRefreshes(self.pool.store, rate=rate)
        refreshing = build_refreshing(self.pool, self.vendor, self.stop, clock=time.time, ask_again=due.one_more)
        self.refresh: Callable[[Lock], Outcome] = refreshing.refresh
        metrics = Metrics(self.registry)
        self.worker = Worker(
            due,
            self._refresh,
            self.chore,
            self.stop,
            metrics,
            clock=time.time,
            backlog=Backlog(metrics, rate=rate),
            slow_start=AtOnce(self.pool.store),
            threads=threads,
            idle=idle,
        )
        self._thread = threading.Thread(target=self.worker.run)

    def _refresh(self, lock: Lock) -> Outcome:
        return self.refresh(lock)  # which a test may have replaced

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


@contextmanager
def pool_at(url: str) -> Iterator[Pool]:
    redis = connect(url)
    yield Pool(Store(redis), Now())
    redis.close()
