"""A pool on a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kimi.pool import Store, connect
from tests.kimi.pool.pools import Clock, Pool


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    """A pool whose clock the test turns."""
    redis = connect(redis_url)
    clock = Clock()
    yield Pool(Store(redis, clock=clock), clock)
    redis.close()
