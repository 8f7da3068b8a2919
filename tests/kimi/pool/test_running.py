"""Which accounts are leased."""

from __future__ import annotations

from typing import Any

from kimi.pool.running import running
from kimi.pool.scanning import PAGE
from tests.kimi.pool.counting import Counting
from tests.kimi.pool.pools import Pool, take, web


def test_leases_are_counted_by_the_name_of_their_account(pool: Pool) -> None:
    assert running(pool.store, 10) == {}
    pool.fill(web("a", max_concurrency=2), web("b:c/d"))
    for _ in range(3):
        take(pool)
    assert running(pool.store, 3) == {"a": 2, "b:c/d": 1}
    assert running(pool.store, 2) is None, "more than anybody wants to read"


class Renewing(Counting):
    """A store beside which a worker renews its leases whenever the next page is read."""

    def guarded(self) -> Any:
        worker = [f"w{self.trips}.{number}:a" for number in range(100)]
        self.redis.zadd(self.key("leases"), dict.fromkeys(worker, 1e6 + self.trips))
        return super().guarded()


def test_they_are_read_page_by_page_and_none_is_missed(pool: Pool) -> None:
    workers = range(40)
    leases = {f"w{worker}.{number}:a": worker for worker in workers for number in range(100)}
    pool.store.redis.zadd(pool.store.key("leases"), leases)
    store = Renewing(pool.store.redis)
    assert running(store, len(leases)) == {"a": len(leases)}
    assert len(leases) / PAGE < store.trips < len(workers)
