"""A Redis that has lost accounts alone, as one does that evicts keys or whose operator has deleted one."""

from __future__ import annotations

import pytest

from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool import Lease
from tests.kimi.pool.pools import KIMI, Pool, rest, web

A, B = web("a"), web("b")


def lose(pool: Pool, *names: str) -> None:
    for name in names:
        assert pool.store.redis.delete(pool.store.key("account", name))


def take(pool: Pool, ticket: str = "") -> Lease:
    return pool.leases.acquire(KIMI, ticket=ticket, patience=10)


def test_the_others_serve_on(pool: Pool) -> None:
    pool.fill(A, B)
    lose(pool, "a")
    assert take(pool).account.name == "b"
    with pytest.raises(AllBusy):
        take(pool, "w.1")
    assert pool.leases.look(["kimi"]) is None


def test_one_that_rested_is_looked_for_once(pool: Pool) -> None:
    pool.fill(A)
    pool.leases.release(take(pool), rest=rest(5))
    lose(pool, "a")
    pool.clock.now += 5
    assert pool.leases.look(["kimi"]) is None
    with pytest.raises(NoAccount):
        take(pool)


@pytest.mark.parametrize("place", ["ready", "full", "cooling", "pending"])
def test_one_that_comes_back_stands_in_one_place_only(pool: Pool, place: str) -> None:
    pool.configure(A)
    if place != "pending":
        pool.freshen("a")
    if place == "full":
        take(pool)
        with pytest.raises(AllBusy):
            take(pool)  # until somebody meets it full it stands where it stood
    if place == "cooling":
        pool.leases.release(take(pool), rest=rest(5))
    lose(pool, "a")
    pool.configure(A)
    with pytest.raises(AwaitingToken):
        take(pool)
    pool.freshen("a")
    assert take(pool).account.name == "a"
    with pytest.raises(AllBusy):
        take(pool)
