from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

from kimi.pool import Store, connect
from refresher.refreshing import Refreshing
from refresher.renewal import Renewals
from refresher.stopping import Stop
from tests.kimi.pool.pools import Clock, Pool
from tests.refresher.vendors import Vendor


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    """A pool on a real Valkey, whose clock the test turns."""
    redis = connect(redis_url)
    clock = Clock()
    yield Pool(Store(redis, clock=clock), clock)
    redis.close()
    redis.connection_pool.disconnect()


@pytest.fixture
def vendor(pool: Pool) -> Vendor:
    return Vendor(pool.clock)


@pytest.fixture
def stop() -> Stop:
    return Stop()


@pytest.fixture
def refreshing(pool: Pool, vendor: Vendor, stop: Stop) -> Refreshing:
    return build(pool, vendor, stop)


def build(
    pool: Pool,
    vendor: Vendor,
    stop: Stop,
    rotated: dict[str, str] | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> Refreshing:
    rng = random.Random(1)
    renewals = Renewals(vendor, vendor.list_models, clock=pool.clock, rng=rng)
    return Refreshing(
        pool.tokens,
        pool.members,
        renewals,
        stop,
        clock=pool.clock,
        rng=rng,
        rotated=rotated,
        pause=pause,
        second_look=0.0,
        flush_seconds=0.1,
    )
