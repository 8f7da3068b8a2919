"""Clients that bring tokens along, while Redis is away: whoever is known goes on from memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.auth import ClientKeys
from gateway.guesses import OPEN
from gateway.passthrough import PassThrough, Strangers
from kimi.accounts import Kind, State, Tokens
from kimi.errors import StoreUnavailable
from kimi.pool import Wish
from kimi.pool.private import private_account, private_routes
from tests.gateway.bringing import ALICE, BOB
from tests.gateway.redis_away.outages import House
from tests.valkey import Valkey

NAME = private_account(ALICE, Kind.KIMI).account.name


@pytest.fixture
def house(own_valkey: Valkey) -> Iterator[House]:
    house = House(own_valkey)
    yield house
    house.close()


@pytest.fixture
def door(house: House) -> PassThrough:
    return PassThrough(ClientKeys(["key"]), Strangers(house.pool, Kind.KIMI), OPEN)


def test_the_known_go_on_and_the_new_come_later(house: House, door: PassThrough) -> None:
    caller = door.caller(f"Bearer {ALICE}", None)
    record = house.members.get(NAME)
    assert record is not None and record.state is State.NEW
    house.tokens.save(record, Tokens("access", "refresh"), issued=0, expires=4e9, next_due=4e9)
    house.pool.mirror.refresh()
    house.valkey.kill()
    assert door.caller(f"Bearer {ALICE}", None).scope == caller.scope
    lease = house.pool.acquire(Wish(private_routes(["kimi"], caller.accounts), "kimi"))
    assert (lease.account.name, lease.token) == (NAME, "access")
    with pytest.raises(StoreUnavailable):
        door.caller(f"Bearer {BOB}", None)
    assert door.caller(f"Bearer {BOB},{ALICE}", None).accounts == (NAME,)
