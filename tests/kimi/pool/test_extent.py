"""How large the pool is."""

from __future__ import annotations

import pytest

from kimi.accounts import Account, Kind
from kimi.pool import PrivateAccounts
from kimi.pool.extent import Extent, Extents
from kimi.pool.private import private_account
from tests.kimi.pool.counting import Counting
from tests.kimi.pool.pools import Pool, web


@pytest.fixture
def extents(pool: Pool) -> Extents:
    return Extents(pool.store)


def test_those_that_are_configured_count_and_those_of_clients_apart(pool: Pool, extents: Extents) -> None:
    assert extents.measure() == Extent()
    pool.configure(web("a"), web("b"), web("c"))
    pool.configure(web("a"), web("b"))
    assert extents.measure() == Extent(2, 0)
    PrivateAccounts(pool.store).adopt(private_account("a token", Kind.KIMI))
    assert extents.measure() == Extent(2, 1)
    pool.freshen("a")
    assert extents.measure() == Extent(2, 1, usable=1)


def test_it_takes_one_round_trip(pool: Pool) -> None:
    store = Counting(pool.store.redis)
    Extents(store).measure()
    assert store.trips == 1


def test_those_are_rare_that_serve_something_with_few_others(pool: Pool, extents: Extents) -> None:
    assert extents.rare(9) == frozenset()
    keys = [
        Account(name=name, kind=Kind.MOONSHOT, models=models) for name, models in (("x", ("m", "n")), ("y", ("m",)))
    ]
    pool.fill(*(web(f"a{number}") for number in range(3)), *keys)
    assert extents.rare(2) == {"x", "y"}
    assert extents.rare(1) == {"x"}
    assert extents.rare(3) == {"x", "y", "a0", "a1", "a2"}


def test_usable_ones_are_drawn_at_random(pool: Pool, extents: Extents) -> None:
    assert extents.draw(2) == frozenset()
    pool.fill(*(web(f"a{number}") for number in range(9)))
    pool.configure(web("new"), *(web(f"a{number}") for number in range(8)))
    everybody = {f"a{number}" for number in range(8)}
    assert extents.draw(10) == everybody
    drawn = {extents.draw(2) for _ in range(50)}
    assert {len(each) for each in drawn} == {2} and len(drawn) > 1
    assert frozenset().union(*drawn) <= everybody
