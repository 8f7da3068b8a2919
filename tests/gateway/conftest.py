"""What tests of the gateway share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kimi.pool import Store, connect
from tests.gateway.guessing import Gate
from tests.gateway.houses import House, MakeHouse
from tests.gateway.limited import Scene, scene
from tests.gateway.server.listening import Served, serving
from tests.kimi.pool.pools import Clock, Pool, turned


@pytest.fixture
def make_house(redis_url: str) -> Iterator[MakeHouse]:
    """Builds a house on an empty Valkey; afterwards nothing of it may be left running."""
    redis = connect(redis_url)
    houses: list[House] = []

    def make(*, turned: bool = False, **options: Any) -> House:
        clock = Clock(Store(redis).now())  # which Redis goes by as well, where the test turns it
        houses.append(House(Pool(Store(redis, clock=clock) if turned else Store(redis), clock), **options))
        return houses[-1]

    yield make
    for house in houses:
        for completion in house.started:
            completion.close()
        assert house.completions.join(5) and house.reactions.join(5) and house.remover.join(5)
    redis.close()


@pytest.fixture
def house(make_house: MakeHouse) -> House:
    return make_house()


@pytest.fixture
def scene_of(redis_url: str) -> Iterator[Callable[..., Scene]]:
    """Makes a scene whose key has the limits that it is given."""
    with connect(redis_url) as redis:

        def make(**limits: Any) -> Scene:
            clock = Clock()
            return scene(Store(redis, clock=clock), clock, **limits)

        yield make


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    """A pool whose clock the test turns."""
    with turned(redis_url) as pool:
        yield pool


@pytest.fixture
def gate(pool: Pool) -> Gate:
    return Gate(pool)


@pytest.fixture
def served() -> Iterator[Served]:
    """A worker with short limits."""
    with serving() as found:
        yield found
