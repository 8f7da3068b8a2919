"""A pool on a real Valkey, and what watches it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kimi.pool import Store, connect
from tests.kimi.alerts.watching import House
from tests.kimi.pool.pools import Clock, Pool


@pytest.fixture
def house(redis_url: str) -> Iterator[House]:
    with connect(redis_url) as redis:
        clock = Clock()
        house = House(redis_url, Pool(Store(redis, clock=clock), clock))
        yield house
        house.close()
