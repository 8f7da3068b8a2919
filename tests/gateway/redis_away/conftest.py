from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.gateway.redis_away.outages import House
from tests.valkey import Valkey


@pytest.fixture
def build(own_valkey: Valkey) -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def start(worker: str = "w") -> House:
        houses.append(House(own_valkey, worker))
        return houses[-1]

    yield start
    for house in houses:
        house.close()


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build()
