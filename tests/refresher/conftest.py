from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kimi.accounts import Account, Kind, Record
from refresher.memory import Memory
from refresher.stopping import Stop
from tests import nursery
from tests.kimi.pool.pools import Pool, turned
from tests.refresher.house import ByHand, build_refreshing
from tests.refresher.running import Begin, Eyes, Refresher, Start
from tests.refresher.vendors import Vendor
from tests.simulator.running import EMPTY, Simulator

OFFICIAL = Account(name="official", kind=Kind.MOONSHOT, max_concurrency=50)


def stored(pool: Pool, name: str = "alice") -> Record:
    """What the pool knows of an account."""
    record = pool.members.get(name)
    assert record is not None
    return record


def snapshot(pool: Pool) -> Callable[[], None]:
    """Takes the store's state as it is now; what is returned brings it back, once."""
    redis = pool.store.redis
    for key in redis.scan_iter():
        redis.copy(key, key, destination_db=1, replace=True)
    return lambda: redis.swapdb(0, 1)


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    """A pool on a real Valkey, whose clock the test turns."""
    with turned(redis_url) as pool:
        yield pool


@pytest.fixture
def vendor(pool: Pool) -> Vendor:
    return Vendor(pool.clock)


@pytest.fixture
def stop() -> Stop:
    return Stop(hold=0.1)


@pytest.fixture
def refreshing(pool: Pool, vendor: Vendor, stop: Stop) -> ByHand:
    return build(pool, vendor, stop)


def build(
    pool: Pool,
    vendor: Vendor,
    stop: Stop,
    memory: Memory | None = None,
    pause: Callable[[float], object] = time.sleep,
    *,
    ask_again: Callable[[], object] = lambda: None,
) -> ByHand:
    refreshing = build_refreshing(pool, vendor, stop, clock=pool.clock, memory=memory, ask_again=ask_again, pause=pause)
    return ByHand(pool, refreshing)


@pytest.fixture
def eyes(redis_url: str) -> Iterator[Eyes]:
    eyes = Eyes(redis_url)
    yield eyes
    eyes.redis.close()


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(*EMPTY) as simulator:
        yield simulator


@pytest.fixture
def kimi(simulator: Simulator) -> Simulator:
    simulator.reset()
    return simulator


@pytest.fixture
def start(tmp_path: Path, redis_url: str, kimi: Simulator) -> Iterator[Start]:
    """Start a refresher of this simulator's accounts."""
    yield from _starting(tmp_path, redis_url, kimi, nursery.start)


@pytest.fixture
def start_anew(tmp_path: Path, redis_url: str, kimi: Simulator) -> Iterator[Start]:
    """The same, from its first line on."""
    yield from _starting(tmp_path, redis_url, kimi, nursery.start_anew)


def _starting(tmp_path: Path, redis_url: str, kimi: Simulator, begin: Begin) -> Iterator[Start]:
    started: list[Refresher] = []

    def start(*arguments: str, **variables: str) -> Refresher:
        defaults = {
            "REDIS_URL": redis_url,
            "KIMI_WEB_URL": kimi.url,
            "KIMI_AUTH_URL": kimi.url,
            "KIMI_CLASSIC_URL": kimi.url,
            "MOONSHOT_URL": f"{kimi.url}/v1",
        }
        refresher = Refresher(tmp_path, *arguments, **(defaults | variables))
        started.append(refresher)
        refresher.start(begin)
        return refresher

    yield start
    for refresher in started:
        refresher.end()
