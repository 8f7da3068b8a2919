"""Requests that some accounts serve better than others: those are asked where none of the better ones can be had."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.completion import Completion
from kimi import errors
from kimi.accounts import Account, Kind
from kimi.models import select
from kimi.pool import Wish
from tests.gateway.houses import CHAT, HELLO, House, MakeHouse, read, texts
from tests.kimi.pool.pools import web

MODEL = "kimi-k2.6"
OFFICIAL = f"moonshot:{MODEL}"
KEY = Account(name="key", kind=Kind.MOONSHOT, max_concurrency=1)


def fill(house: House) -> None:
    house.pool.configure(KEY, web("a"))
    house.pool.freshen("key", models=(MODEL,))
    house.pool.freshen("a")
    house.upstream.scripts = [HELLO]


def start(house: House) -> Completion:
    """Asks for an answer that official keys give best."""
    chosen = select(MODEL, house.pool.members.summary().routes)
    others = tuple(route for route in chosen.routes if route != OFFICIAL)
    completion = house.completions.start(replace(chosen, routes=(OFFICIAL,), otherwise=others), CHAT)
    house.started.append(completion)
    return completion


def asked(house: House) -> list[str]:
    return [name for name, _, _ in house.upstream.asked]


def test_who_serves_a_request_best_is_asked(house: House) -> None:
    fill(house)
    assert texts(read(start(house))) == "Hello"
    assert asked(house) == ["key"]
    house.settle()


@pytest.mark.parametrize(
    "failure", [errors.AccountDead("refused"), errors.RateLimited("slow"), errors.Overloaded("busy")], ids=repr
)
def test_where_none_of_those_can_serve_others_do(house: House, failure: errors.KimiError) -> None:
    fill(house)
    house.upstream.by_account = {"key": [(failure,)]}
    assert texts(read(start(house))) == "Hello"
    assert asked(house) == ["key", "a"]
    house.settle()


def test_nobody_waits_for_those_while_others_are_free(make_house: MakeHouse) -> None:
    house = make_house(queue_seconds=3600.0)
    fill(house)
    lease = house.pool.leases.acquire(Wish((OFFICIAL,), MODEL))
    assert start(house).next(5), "it has begun"
    assert asked(house) == ["a"]
    house.pool.leases.release(lease)


def test_where_all_are_busy_whoever_is_free_first_serves(make_house: MakeHouse) -> None:
    house = make_house(queue_seconds=3600.0)
    fill(house)
    lease, _ = (house.pool.leases.acquire(Wish((route,), MODEL)) for route in (OFFICIAL, Kind.KIMI.value))
    completion = start(house)
    assert not completion.next(0.1)
    house.pool.leases.release(lease)
    house.waiting.call_all()
    assert completion.next(5)
    assert asked(house) == ["key"]


def test_where_nobody_can_serve_the_better_ones_say_when_they_can(house: House) -> None:
    fill(house)
    house.upstream.by_account = {
        "key": [(errors.RateLimited("slow", retry_after=7.0),)],
        "a": [(errors.AccountDead("refused"),)],
    }
    with pytest.raises(errors.RateLimited):
        read(start(house))
    assert asked(house) == ["key", "a"]
    house.settle()
