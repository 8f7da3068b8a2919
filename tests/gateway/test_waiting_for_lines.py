"""Requests that wait for an account while the line of some is left alone, over a real pool."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest

from gateway.breaker import SHORTEST
from gateway.completion import Completion
from kimi.errors import Unreachable
from kimi.pool import Lease
from tests.gateway.houses import HELLO, House, MakeHouse, read, texts
from tests.gateway.scripted import wait_until
from tests.kimi.pool.pools import web, wish

THERE, ELSEWHERE = web("there", max_concurrency=3), web("elsewhere", proxy="http://proxy")


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    house = make_house(queue_seconds=20)
    house.pool.fill(THERE, ELSEWHERE)
    house.upstream.scripts = [HELLO]
    caretaker = gevent.spawn(house.waiting.run)
    yield house
    caretaker.kill()


def trip(house: House) -> None:
    for _ in range(5):
        house.breaker.ended(THERE, "w.0", Unreachable("refused"))
        house.monotonic.advance(1)
    assert house.breaker.tripped() == {THERE.line}


def hold(house: House, name: str) -> Lease:
    return house.pool.leases.acquire(wish(only=name))


def waiting(house: House, count: int) -> list[Completion]:
    """So many requests that wait, in their order."""
    came = []
    for number in range(1, count + 1):
        came.append(house.start())
        wait_until(lambda number=number: house.waiting.waiting == number)  # type: ignore[misc]
    return came


def wish_of(house: House, ticket: str) -> str:
    return house.pool.store.redis.hget(house.pool.store.key("ticket", ticket), "wish") or ""


def test_whom_a_line_kept_away_is_served_there_when_it_answers(house: House) -> None:
    trip(house)
    hold(house, "elsewhere")
    came = waiting(house, 3)
    house.breaker.answered(THERE)
    assert [texts(read(completion)) for completion in came] == ["Hello"] * 3
    assert {completion.account for completion in came} == {"there"}


def test_one_of_those_who_wait_finds_out_and_the_others_follow(house: House) -> None:
    trip(house)
    hold(house, "elsewhere")
    came = waiting(house, 3)
    house.upstream.scripts = [(60.0, *HELLO), HELLO]
    house.monotonic.advance(SHORTEST)
    wait_until(lambda: len(house.upstream.asked) == 1)
    assert came[0].account == "there"
    assert house.waiting.waiting == 2
    house.upstream.go_on.set()
    assert [texts(read(completion)) for completion in came] == ["Hello"] * 3


def test_whoever_is_called_to_a_line_that_is_left_alone_by_now_keeps_his_place(house: House) -> None:
    held = [hold(house, "there") for _ in range(3)]
    hold(house, "elsewhere")
    waiting(house, 2)
    trip(house)
    house.pool.leases.release(held[0])
    house.waiting.call("w.1")
    queue = house.pool.store.key("route", "kimi", "queue")
    wait_until(lambda: THERE.line in wish_of(house, "w.1"))
    assert house.pool.store.redis.zrange(queue, 0, -1) == ["w.1", "w.2"]
    assert house.upstream.asked == []
