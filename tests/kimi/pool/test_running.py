"""Which accounts are leased."""

from __future__ import annotations

import pytest

from kimi.pool.running import PAGE, running
from tests.kimi.pool.counting import Counting
from tests.kimi.pool.pools import Pool, take, web


def test_leases_are_counted_by_the_name_of_their_account(pool: Pool) -> None:
    assert running(pool.store, 10) == {}
    pool.fill(web("a", max_concurrency=2), web("b:c/d"))
    for _ in range(3):
        take(pool)
    assert running(pool.store, 3) == {"a": 2, "b:c/d": 1}
    assert running(pool.store, 2) == {}, "more than anybody wants to read"


@pytest.mark.parametrize("leases", [PAGE, PAGE + 1])
def test_they_are_read_page_by_page(pool: Pool, leases: int) -> None:
    pool.store.redis.zadd(pool.store.key("leases"), {f"w.{number}:a": number for number in range(leases)})
    store = Counting(pool.store.redis)
    assert running(store, leases) == {"a": leases}
    assert store.trips == 1 + -(-leases // PAGE)
