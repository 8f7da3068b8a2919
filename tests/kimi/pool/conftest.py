"""A pool on a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kimi.pool.pools import Pool, turned
from tests.kimi.pool.queueing import Ear
from tests.ports import free_port


@pytest.fixture
def unused_port() -> int:
    """A port where nobody listens."""
    return free_port()


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    with turned(redis_url) as pool:
        yield pool


@pytest.fixture
def ear(redis_url: str) -> Iterator[Ear]:
    ear = Ear(redis_url, "w", "v")
    yield ear
    ear.pubsub.close()
    ear.client.close()
