"""A pool on a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kimi.pool import Leases, Store, connect
from kimi.pool.interventions import Interventions
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import Pool, turned
from tests.kimi.pool.queueing import Ear
from tests.ports import free_port

KEY = new_key()


@pytest.fixture
def unused_port() -> int:
    """A port where nobody listens."""
    return free_port()


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    """One of redis-py's."""
    with connect(redis_url, timeout=5) as client:
        yield client


@pytest.fixture
def leases(client: Any) -> Leases:
    """By the machine's own clock."""
    return Leases(Store(client))


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    """One whose secrets are sealed; those of most other tests are not, and are no different."""
    with turned(redis_url) as pool:
        pool.store.vault = Vault([KEY])
        yield pool


@pytest.fixture
def plain(pool: Pool) -> Pool:
    """The same without keys."""
    pool.store.vault = Vault()
    return pool


@pytest.fixture
def ear(redis_url: str) -> Iterator[Ear]:
    ear = Ear(redis_url, "w", "v")
    yield ear
    ear.pubsub.close()
    ear.client.close()


@pytest.fixture
def hands(pool: Pool) -> Interventions:
    return Interventions(pool.store)


@pytest.fixture
def woken(pool: Pool) -> Iterator[Any]:
    """The accounts for which the refresher is woken; read it with `heard`."""
    pubsub = pool.store.redis.pubsub()
    pubsub.subscribe(pool.store.key("wake"))
    assert pubsub.get_message(timeout=1)["type"] == "subscribe"
    yield pubsub
    pubsub.close()
