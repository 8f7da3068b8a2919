"""A pool on a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kimi.pool import Store, connect
from tests.kimi.pool.pools import Clock, Pool
from tests.kimi.pool.queueing import Ear
from tests.ports import free_port


@pytest.fixture
def unused_port() -> int:
    """A port where nobody listens."""
    return free_port()


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    redis = connect(redis_url)
    clock = Clock()
    yield Pool(Store(redis, clock=clock), clock)
    redis.close()


@pytest.fixture
def ear(redis_url: str) -> Iterator[Ear]:
    ear = Ear(redis_url, "w", "v")
    yield ear
    ear.pubsub.close()
    ear.client.close()
