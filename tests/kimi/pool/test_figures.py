"""What workers count, and what can be read of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from kimi.errors import StoreUnavailable
from kimi.events import Usage
from kimi.pool import Store, connect
from kimi.pool.counts import KEEP_SECONDS, Counts, Courier
from kimi.pool.figures import MOST_CHANGED, NO_TALLY, Changed, Figures, Point, Span, Tally
from tests.kimi.pool.pools import Clock, Pool
from tests.valkey import Valkey

DAY = 86_400.0
NOON = 20_000 * DAY + DAY / 2


@dataclass
class Worker:
    """One of several that count for the same pool."""

    pool: Pool
    counts: Counts = field(init=False)
    courier: Courier = field(init=False)

    def __post_init__(self) -> None:
        self.counts = Counts(self.pool.clock)
        self.courier = Courier(self.pool.store, self.counts)

    def serve(self, account: str = "a", client: str = "1", *, failed: bool = False, first: float = 0.5) -> None:
        usage = None if failed else Usage(10, 20)
        self.counts.asked(account, failed=failed, usage=usage)
        self.counts.answered(
            client,
            failed=failed,
            usage=usage,
            first_event=None if failed else first,
            total=None if failed else 4 * first,
        )


@pytest.fixture
def pool(pool: Pool) -> Pool:
    pool.clock.now = NOON
    return pool


@pytest.fixture
def worker(pool: Pool) -> Worker:
    return Worker(pool)


@pytest.fixture
def figures(pool: Pool) -> Figures:
    return Figures(pool.store)


def test_what_several_workers_count_is_added_up(pool: Pool, figures: Figures) -> None:
    for worker in (Worker(pool), Worker(pool)):
        worker.serve("a")
        worker.serve("b c", "name of a key", failed=True)
        worker.courier.deliver()

    assert figures.tallies() == {"a": Tally(2, 0, 20, 40, NOON), "b c": Tally(2, 2, 0, 0, NOON)}
    assert figures.tally_of_clients() == {"1": Tally(2, 0, 20, 40, NOON), "name of a key": Tally(2, 2, 0, 0, NOON)}
    assert figures.today() == Tally(4, 2, 20, 40, NOON)


def test_those_can_be_read_that_one_asks_for(worker: Worker, figures: Figures) -> None:
    for name in "abc":
        worker.serve(name, f"client {name}")
    worker.courier.deliver()

    assert figures.tallies(["c", "unknown", "a"]).keys() == {"a", "c"}
    assert figures.tally_of_clients(("client b",)).keys() == {"client b"}
    assert figures.tallies([]) == {}


def test_where_nothing_was_there_is_nothing(figures: Figures) -> None:
    assert (figures.tallies(), figures.today()) == ({}, NO_TALLY)
    assert figures.points(Span.HOUR) == [Point(int(NOON) - 60 * ago) for ago in range(59, -1, -1)]


def test_a_day_begins_at_nought_and_the_last_use_is_known(pool: Pool, worker: Worker, figures: Figures) -> None:
    worker.serve()
    worker.courier.deliver()
    pool.clock.now = NOON + DAY / 2
    assert figures.tallies() == {"a": Tally(last_used=NOON)}
    assert figures.today() == Tally(last_used=NOON)

    worker.serve()
    worker.courier.deliver()

    assert figures.tallies() == {"a": Tally(1, 0, 10, 20, NOON + DAY / 2)}
    assert figures.today().requests == 1


def test_nothing_is_written_where_nothing_was_counted(pool: Pool, worker: Worker) -> None:
    worker.courier.deliver()

    assert pool.store.redis.keys("*figures*") == []


def test_many_names_are_written_and_read_in_several_steps(worker: Worker, figures: Figures) -> None:
    names = {f"account-{number}" for number in range(2_345)}
    for name in names:
        worker.serve(name, f"client {name}")
    worker.courier.deliver()

    assert figures.tallies().keys() == names
    assert len(figures.tally_of_clients()) == len(names)
    assert figures.today().requests == len(names)


def test_many_whose_figures_have_changed_are_told_in_several_answers(pool: Pool, figures: Figures) -> None:
    now = pool.clock.now

    def counted(*at: tuple[int, int]) -> None:
        """So many names at so many milliseconds before now."""
        key = pool.store.key("figures", "changed")
        for many, before in at:
            names = {f"account {before}-{number:04}": now * 1000 - before for number in range(many)}
            pool.store.redis.zadd(key, names)

    counted((MOST_CHANGED - 1, 20), (5, 10))
    first = figures.changed_since(0)
    assert (len(first.accounts), first.at) == (MOST_CHANGED, now - 0.01)
    second = figures.changed_since(first.at)
    assert (len(second.accounts), second.at) == (5, now)
    assert len(first.accounts | second.accounts) == MOST_CHANGED + 4

    counted((MOST_CHANGED + 5, 5))
    third = figures.changed_since(now - 0.005)
    assert (len(third.accounts), third.at) == (MOST_CHANGED, now - 0.004), "it goes on all the same"


def test_whose_figures_changed_is_known(pool: Pool, worker: Worker, figures: Figures) -> None:
    worker.serve("a", "1")
    worker.courier.deliver()
    first = figures.changed_since(0)
    assert first == Changed(NOON, frozenset({"a"}), frozenset({"1"}))

    worker.serve("at that very moment")
    worker.courier.deliver()
    pool.clock.now += 1
    worker.serve("b", "1")
    worker.courier.deliver()
    second = figures.changed_since(first.at)
    assert second.accounts == {"a", "at that very moment", "b"}

    third = figures.changed_since(second.at)
    assert (set(third.accounts), set(third.clients)) == ({"b"}, {"1"})
    pool.clock.now += 0.001
    assert figures.changed_since(pool.clock.now) == Changed(pool.clock.now, frozenset(), frozenset())


def test_who_is_not_used_for_long_is_forgotten(pool: Pool, worker: Worker, figures: Figures) -> None:
    worker.serve("old", "gone")
    worker.courier.deliver()
    pool.clock.now += KEEP_SECONDS
    worker.serve("new", "1")
    worker.courier.deliver()

    assert (set(figures.tallies()), set(figures.tally_of_clients())) == ({"new"}, {"1"})
    assert figures.changed_since(0).accounts == {"new"}


@pytest.mark.parametrize("span", Span)
def test_points_are_in_order_and_gaps_are_zeros(pool: Pool, worker: Worker, figures: Figures, span: Span) -> None:
    worker.serve()
    pool.clock.now += 2 * span.step
    worker.serve(first=1.0)
    worker.serve(failed=True)
    worker.courier.deliver()
    points = figures.points(span)

    assert len(points) == span.points
    assert [later.at - at.at for at, later in pairwise(points)] == [span.step] * (span.points - 1)
    assert points[-1].at <= pool.clock.now < points[-1].at + span.step
    assert [(point.requests, point.errors, point.prompt_tokens, point.completion_tokens) for point in points[-4:]] == [
        (0, 0, 0, 0),
        (1, 0, 10, 20),
        (0, 0, 0, 0),
        (2, 1, 10, 20),
    ]
    latest = points[-1]
    assert latest.first_event is not None
    assert latest.total is not None
    assert latest.first_event.p50 == pytest.approx(1.0, rel=0.19)
    assert latest.total.p95 == pytest.approx(4.0, rel=0.19)
    assert (points[-2].first_event, points[-2].total) == (None, None)


def test_steps_expire_when_nobody_asks_for_them_any_more(pool: Pool, worker: Worker) -> None:
    worker.serve()
    worker.courier.deliver()

    for span in Span:
        (name,) = pool.store.redis.keys(pool.store.key("figures", str(span.step), "*"))
        assert pool.store.redis.ttl(name) == pytest.approx(span.step * (span.points + 1), abs=5)


def test_of_too_many_the_first_names_and_the_latest_steps_are_kept(pool: Pool, figures: Figures) -> None:
    counts = Counts(pool.clock, most_names=3, most_steps=2)
    for number in range(5):
        counts.asked(f"account-{number}", failed=False)
        counts.answered(f"client-{number}", failed=False)
        pool.clock.now += 60
    Courier(pool.store, counts).deliver()

    assert figures.tallies().keys() == {"account-0", "account-1", "account-2"}
    assert [point.requests for point in figures.points(Span.HOUR)[-5:]] == [0, 0, 1, 1, 0]


def test_what_could_not_be_written_is_written_later(own_valkey: Valkey) -> None:
    clock = Clock(NOON)
    with connect(own_valkey.url) as redis:
        store, counts = Store(redis, clock=clock), Counts(clock)
        courier = Courier(store, counts)
        counts.answered("1", failed=False)
        own_valkey.stop()
        with pytest.raises(StoreUnavailable):
            courier.deliver()
        counts.answered("1", failed=True)
        own_valkey.start()
        courier.deliver()

        assert Figures(store).today() == Tally(2, 1, 0, 0, NOON)


class Deaf(Store):
    """Does what it is told, and does not hear the first answer."""

    hears = False

    def run(self, name: str, *args: str | float) -> Any:
        answer = super().run(name, *args)
        if not self.hears:
            self.hears = True
            raise StoreUnavailable("the answer was lost")
        return answer


def test_a_delivery_whose_answer_was_lost_counts_once(redis_url: str) -> None:
    clock = Clock(NOON)
    with connect(redis_url) as redis:
        store, counts = Deaf(redis, clock=clock), Counts(clock)
        courier, figures = Courier(store, counts), Figures(store)
        counts.answered("1", failed=False)
        with pytest.raises(StoreUnavailable):
            courier.deliver()
        assert figures.today().requests == 1

        counts.answered("1", failed=False)
        courier.deliver()
        assert figures.today().requests == 2, "what was counted is not counted again"
