"""What tests of the admin page share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kimi.pool import Store, connect
from tests.gateway.admin.desks import Office
from tests.kimi.pool.pools import Clock, Pool


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    redis = connect(redis_url)
    yield Store(redis)
    redis.close()


@pytest.fixture
def pool(store: Store) -> Pool:
    """What the office looks at."""
    return Pool(store, Clock(store.now()))


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


@pytest.fixture
def cut_off() -> Iterator[Store]:
    """A store whose Redis is away."""
    redis = connect("redis://127.0.0.1:1/0")
    yield Store(redis)
    redis.close()
