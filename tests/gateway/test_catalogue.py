from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.catalogue import Catalogue
from kimi.errors import StoreUnavailable
from tests.gateway.fakes import EVERYTHING, Clock, ScriptedPool


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(clock: Clock) -> ScriptedPool:
    return ScriptedPool(clock)


@pytest.fixture
def catalogue(pool: ScriptedPool, clock: Clock) -> Catalogue:
    return Catalogue(pool, seconds=3, monotonic=clock)


def test_the_store_is_asked_once_in_a_while(catalogue: Catalogue, pool: ScriptedPool, clock: Clock) -> None:
    assert [catalogue.lately(), catalogue.lately()] == [EVERYTHING, EVERYTHING]
    assert pool.asked == 1
    pool.known = replace(EVERYTHING, usable=0)
    clock.advance(3)
    assert catalogue.lately().usable == 0


def test_now_means_now(catalogue: Catalogue, pool: ScriptedPool) -> None:
    catalogue.lately()
    pool.known = replace(EVERYTHING, usable=0)
    assert catalogue.now().usable == 0
    assert catalogue.lately().usable == 0


def test_what_is_known_outlives_the_store(catalogue: Catalogue, pool: ScriptedPool, clock: Clock) -> None:
    catalogue.lately()
    pool.known = StoreUnavailable()
    clock.advance(100)
    assert catalogue.lately() == EVERYTHING
    with pytest.raises(StoreUnavailable):
        catalogue.now()


def test_nothing_known_is_not_made_up(catalogue: Catalogue, pool: ScriptedPool) -> None:
    pool.known = StoreUnavailable()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            catalogue.lately()
