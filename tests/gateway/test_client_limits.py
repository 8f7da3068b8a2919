"""Letting requests in by the limits of their keys, and giving everything back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.auth import Caller
from gateway.client_limits import FREE, Turnstile
from kimi.errors import StoreUnavailable
from kimi.events import Usage
from kimi.pool import Store, connect
from kimi.pool.client_limits import PLACE_SECONDS, Limit, LimitReached, Standing
from kimi.pool.client_terms import LIMITS, ClientLimits, limits_from
from kimi.pool.clients import Client
from tests.gateway.clients import Line
from tests.kimi.pool.pools import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(redis_url: str, clock: Clock) -> Iterator[Line]:
    with connect(redis_url) as redis:
        yield Line(Store(redis, clock=clock))


@pytest.fixture
def turnstile(line: Line) -> Turnstile:
    return Turnstile(line)


def caller(line: Line, name: str = "shop", **limits: int) -> Caller:
    client = line.clients.create(name, limits_from(limits)).client
    return Caller(client.name, "scope", key=client)


def test_who_has_no_limits_costs_nothing(line: Line, turnstile: Turnstile) -> None:
    unlimited = line.clients.create("shop", ClientLimits(models=("kimi",))).client
    for each in (Caller(1, "scope"), Caller("shop", "scope", key=unlimited)):
        place = turnstile.enter(each)
        assert place is FREE
        place.leave(Usage(1, 2))
    turnstile.renew()
    assert set(line.asked) <= {"renew"}


def test_places_are_given_back(line: Line, turnstile: Turnstile) -> None:
    shop = caller(line, concurrent=2)
    first = turnstile.enter(shop)
    assert [(each.limit, each.left) for each in first.standings] == [(Limit.CONCURRENT, 1)]
    turnstile.enter(shop)
    with pytest.raises(LimitReached):
        turnstile.enter(shop)
    first.leave(None)
    turnstile.enter(shop).leave(Usage(3, 4))


def test_which_limit_was_met_is_told(line: Line) -> None:
    met: list[Limit] = []
    shop = caller(line, requests_per_minute=1)
    turnstile = Turnstile(line, refused=met.append)
    turnstile.enter(shop).leave(None)
    with pytest.raises(LimitReached):
        turnstile.enter(shop)
    assert met == [Limit.REQUESTS]


def test_requests_a_minute_are_asked_about_once_each(line: Line, turnstile: Turnstile) -> None:
    turnstile.enter(caller(line, requests_per_minute=5)).leave(Usage(3, 4))
    assert line.asked == ["enter"]


def test_what_an_answer_took_counts_as_far_as_it_is_known(line: Line, turnstile: Turnstile) -> None:
    shop = caller(line, tokens_per_day=10)
    turnstile.enter(shop).leave(None)
    assert line.asked == ["enter"]  # nothing was taken
    turnstile.enter(shop).leave(Usage(3, 4))
    assert turnstile.enter(shop).standings[0].left == 3


def test_running_requests_keep_their_places_and_those_of_a_dead_worker_come_back(
    line: Line, turnstile: Turnstile, clock: Clock
) -> None:
    shop = caller(line, concurrent=2)
    Turnstile(line).enter(shop)  # of a worker that is killed now
    running = turnstile.enter(shop)
    for _ in range(6):
        clock.now += PLACE_SECONDS / 3
        turnstile.renew()
    other = turnstile.enter(shop)
    with pytest.raises(LimitReached):
        turnstile.enter(shop)
    running.leave(None)
    other.leave(None)

    line.asked.clear()
    turnstile.renew()
    assert turnstile.enter(shop).standings[0].left == 1


def test_while_redis_is_away_everybody_comes_in_and_what_is_taken_is_told_later(
    line: Line, turnstile: Turnstile
) -> None:
    shop = caller(line, concurrent=1, requests_per_minute=1, tokens_per_day=100)
    before = turnstile.enter(shop)
    line.is_cut = True
    meanwhile = [turnstile.enter(shop) for _ in range(3)]
    assert {each.standings for each in meanwhile} == {()}
    before.leave(Usage(10, 20))
    for each in meanwhile:
        each.leave(Usage(1, 2))
    turnstile.renew()

    line.is_cut = False
    turnstile.renew()
    turnstile.renew()  # told once
    tokens = caller_with(line, shop, tokens_per_day=100)
    assert turnstile.enter(tokens).standings[0].left == 100 - 30 - 9


def test_two_that_tell_at_once_tell_each_thing_once(line: Line) -> None:
    class Slow(Line):
        """Another greenlet comes to the same place while this one waits for Redis."""

        def leave(self, client_id: str, place: str, tokens: int) -> None:
            if not self.is_cut:
                gate.renew()
            super().leave(client_id, place, tokens)

    slow = Slow(line.store)
    gate = Turnstile(slow)
    clients = [caller(line, name, tokens_per_day=100) for name in ("shop", "school")]
    slow.is_cut = True
    for each in clients:
        gate.enter(each).leave(Usage(3, 4))
    slow.is_cut = False
    gate.renew()
    assert [gate.enter(each).standings[0].left for each in clients] == [93, 93]


def caller_with(line: Line, shop: Caller, **limits: int) -> Caller:
    """The same client with these limits and no others."""
    client = line.clients.edit(client_of(shop).id, limits={**dict.fromkeys(LIMITS), **limits})
    return Caller(client.name, shop.scope, key=client)


def test_a_place_that_could_not_be_given_back_is_given_back_later(line: Line, turnstile: Turnstile) -> None:
    shop = caller(line, concurrent=1)
    place = turnstile.enter(shop)
    line.is_cut = True
    place.leave(None)
    turnstile.renew()
    line.is_cut = False
    with pytest.raises(LimitReached):
        turnstile.enter(shop)
    turnstile.renew()
    line.asked.clear()
    turnstile.renew()
    assert line.asked == ["renew"], "told once"
    turnstile.enter(shop)


def test_whom_a_redis_that_hung_lets_in_afterwards_has_left(line: Line) -> None:
    class Hung(Line):
        """Does what it is asked when nobody waits for that any more."""

        def enter(self, client: Client, place: str) -> tuple[Standing, ...]:
            super().enter(client, place)
            raise StoreUnavailable("no answer in time")

    shop, hung = caller(line, concurrent=3), Hung(line.store)
    turnstile = Turnstile(hung)
    places = [turnstile.enter(shop) for _ in range(3)]
    with pytest.raises(LimitReached):
        line.enter(client_of(shop), "new")
    hung.is_cut = True
    for place in places:
        place.leave(None)
    hung.is_cut = False
    turnstile.renew()
    assert line.enter(client_of(shop), "new")[0].left == 2


def client_of(caller: Caller) -> Client:
    assert caller.key is not None
    return caller.key
