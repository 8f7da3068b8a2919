"""What a watcher reads of the pool, and what it does not."""

from __future__ import annotations

from kimi.alerts.sight import ANEW_SECONDS, Sight
from kimi.pool import Members
from kimi.pool.changes import Batch, Changes
from kimi.pool.extent import Extents
from kimi.pool.heartbeats import Heartbeats
from tests.kimi.alerts.watching import House
from tests.kimi.pool.pools import Pool, web


class Asked(Changes):
    """Notes behind which changes it was asked for others."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool.store)
        self.behind: list[int] = []

    def since(self, number: int, wanted: object = None) -> Batch:
        self.behind.append(number)
        return super().since(number)


def test_all_accounts_are_read_again_only_where_some_have_vanished_without_a_word(house: House) -> None:
    pool, redis = house.pool, house.pool.store.redis
    pool.fill(web("a"), web("b"))
    asked = Asked(pool)
    sight = Sight(asked, Members(pool.store), Extents(pool.store), Heartbeats(pool.store), clock=pool.clock)
    assert sight.look().accounts == 2
    pool.clock.now += ANEW_SECONDS
    assert sight.look().accounts == 2
    assert asked.behind.count(0) == 1
    for key, remove in (("accounts", redis.srem), ("changed", redis.zrem)):
        remove(pool.store.key(key), "a")
    assert sight.look().accounts == 2, "not at once, for it may be by chance"
    pool.clock.now += ANEW_SECONDS
    assert sight.look().accounts == 1
