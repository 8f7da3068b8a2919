"""The queue for accounts, one for all workers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import redis
from redis.client import PubSub

from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool import Lease, Leases
from tests.kimi.pool.pools import Pool, rest, web

PATIENCE = 10.0


class Ear:
    """Hears which tickets are called."""

    def __init__(self, url: str, *workers: str) -> None:
        self.client = redis.Redis.from_url(url, decode_responses=True)
        self.pubsub: PubSub = self.client.pubsub()  # type: ignore[no-untyped-call]
        self.pubsub.subscribe(*(f"kimi:{{pool}}:freed:{worker}" for worker in workers))
        for _ in workers:
            assert self.pubsub.get_message(timeout=5) is not None

    def calls(self) -> list[str]:
        """The tickets that were called since."""
        self.client.publish("kimi:{pool}:freed:w", "end")
        heard = itertools.takewhile(lambda text: text != "end", iter(self._next, None))
        return [str(text) for text in heard]

    def _next(self) -> object:
        message = self.pubsub.get_message(timeout=5)
        assert message is not None
        return message["data"]


@pytest.fixture
def ear(redis_url: str) -> Iterator[Ear]:
    ear = Ear(redis_url, "w", "v")
    yield ear
    ear.pubsub.close()
    ear.client.close()


def take(pool: Pool, ticket: str = "", *, model: str = "kimi", exclude: tuple[str, ...] = ()) -> Lease:
    return pool.leases.acquire(["kimi"], model=model, exclude=exclude, ticket=ticket, patience=PATIENCE)


def queue(pool: Pool, *tickets: str) -> None:
    for ticket in tickets:
        with pytest.raises(AllBusy):
            take(pool, ticket)


def in_queue(pool: Pool) -> list[str]:
    return list(pool.store.redis.zrange(pool.store.key("route", "kimi", "queue"), 0, -1))


def test_first_come_first_served_whichever_worker_they_came_to(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1", "v.1", "w.2")
    for ticket in ("w.1", "v.1", "w.2"):
        pool.leases.release(lease)
        assert ear.calls() == [ticket]
        lease = take(pool, ticket)
    pool.leases.release(lease)
    assert ear.calls() == []
    assert in_queue(pool) == []


def test_who_comes_late_does_not_overtake_who_was_called(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1")
    pool.leases.release(lease)
    queue(pool, "v.1")
    with pytest.raises(AllBusy):
        take(pool)
    assert take(pool, "w.1").account.name == "a"
    assert ear.calls() == ["w.1"]
    assert in_queue(pool) == ["v.1"]


def test_a_place_is_not_kept_for_long(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1")
    pool.leases.release(lease)
    pool.clock.now += 0.3
    lease = take(pool, "v.1")
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"], "it was called a moment ago"
    pool.clock.now += 1
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1"], "and is called again"


def test_as_many_are_called_as_there_are_places(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a", max_concurrency=3), web("b"))
    leases = [take(pool) for _ in range(4)]
    queue(pool, *(f"w.{number}" for number in range(6)))
    for lease in leases:
        pool.leases.release(lease)
    assert ear.calls() == ["w.0", "w.1", "w.2", "w.3"]
    assert {take(pool, f"w.{number}").account.name for number in range(4)} == {"a", "b"}
    with pytest.raises(AllBusy):
        take(pool, "w.4")


def test_accounts_that_become_free_by_time_are_given_in_turn(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    pool.leases.release(take(pool), rest=rest(5))
    for ticket in ("w.1", "w.2"):
        with pytest.raises(AllBusy) as caught:
            take(pool, ticket)
        assert caught.value.retry_after == 5
    assert pool.leases.look(["kimi"]) == 5
    assert ear.calls() == []
    pool.clock.now += 5
    assert pool.leases.look(["kimi"]) is None
    assert ear.calls() == ["w.1"]


def test_nobody_queues_who_would_wait_in_vain(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.leases.release(take(pool), rest=rest(PATIENCE + 5))
    with pytest.raises(AllBusy) as caught:
        take(pool, "w.1")
    assert caught.value.retry_after == PATIENCE + 5
    with pytest.raises(NoAccount):
        take(pool, "w.2", exclude=("a",))
    assert in_queue(pool) == []


def test_a_fresh_token_calls_those_who_wait_for_it(pool: Pool, ear: Ear) -> None:
    pool.configure(web("a"))
    with pytest.raises(AwaitingToken):
        take(pool, "w.1")
    pool.freshen("a")
    assert ear.calls() == ["w.1"]


def test_one_who_is_called_in_vain_passes_the_place_on(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b"))
    first, second = take(pool), take(pool)
    with pytest.raises(AllBusy):
        take(pool, "w.1", exclude=(first.account.name,))
    queue(pool, "w.2")
    pool.leases.release(first)
    assert ear.calls() == ["w.1"]
    with pytest.raises(AllBusy):
        take(pool, "w.1", exclude=(first.account.name,))
    assert ear.calls() == ["w.2"]
    assert take(pool, "w.2").account.name == first.account.name
    pool.leases.release(second)
    pool.clock.now += 1
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1"]


def test_one_who_gives_up_after_the_call_passes_the_place_on(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1", "w.2")
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"]
    pool.leases.leave("w.1")
    assert ear.calls() == ["w.2"]
    pool.leases.leave("w.2")
    pool.leases.leave("w.2")
    assert in_queue(pool) == []


def test_tickets_and_leases_of_a_dead_worker_are_given_back(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b"))
    dead = Leases(pool.store, worker="v")
    dead.acquire(["kimi"], model="kimi")
    mine = take(pool)
    with pytest.raises(AllBusy):
        dead.acquire(["kimi"], model="kimi", ticket="v.1", patience=PATIENCE)
    queue(pool, "w.1")
    assert pool.leases.abandon("v") == 1
    assert in_queue(pool) == ["w.1"]
    assert ear.calls() == ["w.1"]
    assert take(pool, "w.1").account.name != mine.account.name
    assert pool.leases.abandon("v") == 0


def test_a_worker_that_lives_keeps_what_it_holds(pool: Pool) -> None:
    pool.fill(web("a"), web("b", max_concurrency=2))
    mine = Leases(pool.store, worker="v")
    held, lost = mine.acquire(["kimi"], model="kimi"), mine.acquire(["kimi"], model="kimi")
    assert mine.abandon("v", but=[held]) == 1
    assert (pool.count(held.account.name), pool.count(lost.account.name)) == (1, 0)


def test_tickets_that_nobody_holds_any_more_vanish(pool: Pool, redis_client: redis.Redis) -> None:
    pool.fill(web("a"))
    take(pool)
    queue(pool, "w.1", "w.2")
    redis_client.delete("kimi:{pool}:ticket:w.1")
    pool.leases.look(["kimi"])
    assert in_queue(pool) == ["w.2"]
    assert 0 < redis_client.pttl("kimi:{pool}:ticket:w.2") <= (PATIENCE + 1) * 1000


def test_a_ticket_keeps_its_number(pool: Pool) -> None:
    pool.fill(web("a"))
    take(pool)
    queue(pool, "w.1", "w.2", "w.1")
    assert in_queue(pool) == ["w.1", "w.2"]


def test_several_routes_are_one_wish(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    with pytest.raises(AllBusy):
        pool.leases.acquire(["kimi", "kimi-classic"], model="kimi", ticket="w.1", patience=PATIENCE)
    queue(pool, "w.2")
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"]
    lease = pool.leases.acquire(["kimi", "kimi-classic"], model="kimi", ticket="w.1", patience=PATIENCE)
    assert pool.store.redis.exists(pool.store.key("route", "kimi-classic", "queue")) == 0
    pool.leases.release(lease)
    assert ear.calls() == ["w.2"]
