"""Watchers of one pool, each with a connection of its own, as in processes of their own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kimi.accounts import State
from kimi.alerts.courier import Courier
from kimi.alerts.ledger import Pace
from kimi.alerts.rules import Limits
from kimi.alerts.sight import Sight
from kimi.alerts.watch import Plan, Watcher
from kimi.pool import Members, Store, connect
from kimi.pool.alerts import AlertBook
from kimi.pool.changes import Changes
from kimi.pool.extent import Extents
from kimi.pool.heartbeats import Heartbeats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redis import Redis

    from kimi.alerts.delivery import Destination
    from tests.kimi.pool.pools import Pool

PLAN = Plan(limits=Limits(usable_below=1, silent_seconds=60), pace=Pace())


@dataclass
class Guard:
    """A watcher and those that it sends."""

    watcher: Watcher
    couriers: list[Courier]

    def look(self, rounds: int = 1) -> None:
        """Look; a round is over when what was sent has arrived, or has not."""
        for _ in range(rounds):
            self.watcher.check()
            for courier in self.couriers:
                courier.join(10)


@dataclass
class House:
    """A pool, and the processes that watch it."""

    redis_url: str
    pool: Pool
    opened: list[Redis] = field(default_factory=list)

    def guard(
        self,
        *destinations: Destination,
        stands_in: bool = False,
        usable_below: int = 1,
        book: Callable[[Store], AlertBook] = AlertBook,
    ) -> Guard:
        """One more process."""
        redis = connect(self.redis_url)
        self.opened.append(redis)
        clock = self.pool.clock
        store = Store(redis, clock=clock)
        couriers = [Courier(destination, clock=clock) for destination in destinations]
        watcher = Watcher(
            book(store),
            Sight(Changes(store), Members(store), Extents(store), Heartbeats(store), clock=clock),
            couriers,
            replace(PLAN, limits=replace(PLAN.limits, usable_below=usable_below)),
            owner=f"watcher-{len(self.opened)}",
            clock=clock,
            stands_in=stands_in,
        )
        return Guard(watcher, couriers)

    def dies(self, *names: str, state: State = State.DEAD) -> None:
        for name in names:
            record = self.pool.members.get(name)
            assert record is not None
            assert self.pool.members.mark(name, record.version, state, "refused")

    def beats(self) -> None:
        """A refresher says that it lives."""
        Heartbeats(self.pool.store).beat("refresher")

    def passes(self, seconds: float, guard: Guard, *, beating: bool = True) -> None:
        """Time goes by, in which the guard looks every few seconds, and a refresher lives or does not."""
        end = self.pool.clock.now + seconds
        while self.pool.clock.now < end:
            self.pool.clock.now += min(5.0, end - self.pool.clock.now)
            if beating:
                self.beats()
            guard.look(2)  # of two rules that are broken at once the second one is told in the next round

    def lets_go(self) -> None:
        """The one that watched is dead, and its time is over."""
        assert self.pool.store.redis.delete(self.pool.store.key("alerts", "watch"))

    @contextmanager
    def full(self) -> Iterator[None]:
        """The store takes no writes."""
        self.pool.store.redis.config_set("maxmemory", 1)
        try:
            yield
        finally:
            self.pool.store.redis.config_set("maxmemory", 0)

    def close(self) -> None:
        for redis in self.opened:
            redis.close()
