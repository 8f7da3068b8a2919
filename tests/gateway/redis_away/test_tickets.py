"""Redis goes away and comes back while requests wait for an account."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import pytest

from gateway.breaker import Breaker
from gateway.shield import Shieldable
from gateway.waiting import WaitingRoom
from tests.gateway.redis_away.outages import WISH, House
from tests.gateway.scripted import wait_until


@pytest.fixture
def room(house: House) -> Iterator[WaitingRoom]:
    room = WaitingRoom(house.pool, 10, house.worker, Breaker(time.monotonic))

    def relay() -> None:
        for ticket in house.pool.calls:
            if ticket is None:
                room.call_all()
            else:
                room.call(ticket)

    relaying = gevent.spawn(relay)
    yield room
    relaying.kill()


def test_who_waits_when_redis_goes_away_is_served_from_memory(house: House, room: WaitingRoom) -> None:
    house.fill("a")
    lease = house.take()
    requests = [Shieldable.spawn(room.acquire, WISH) for _ in range(2)]
    wait_until(lambda: room.waiting == 2)
    house.valkey.kill()
    house.pool.release(lease)
    first = requests[0].get(timeout=5)
    assert not requests[1].ready()
    house.pool.release(first)
    house.pool.release(requests[1].get(timeout=5))


def test_who_waits_when_redis_comes_back_is_served_by_redis(house: House, room: WaitingRoom) -> None:
    house.fill("a")
    lease = house.take()
    house.valkey.kill()
    house.pool.renew()
    requests = [Shieldable.spawn(room.acquire, WISH) for _ in range(2)]
    wait_until(lambda: room.waiting == 2)
    house.valkey.start()
    assert house.pool.look_for_redis()
    wait_until(lambda: house.outside.zcard("kimi:{pool}:route:kimi:queue") == 2)
    house.pool.release(lease)
    room.call_all()
    served = requests[0].get(timeout=5)
    assert served.id in house.leases()
    for request in requests:
        request.kill()


def test_what_was_kept_for_one_who_waits_is_not_lost_at_the_switch(house: House, room: WaitingRoom) -> None:
    house.fill("a")
    lease = house.take()
    house.valkey.kill()
    house.pool.renew()
    request = Shieldable.spawn(room.acquire, WISH)
    wait_until(lambda: room.waiting == 1)
    house.valkey.start()
    house.pool.release(lease)
    assert house.pool.look_for_redis(), "before the one who waits has come"
    served = request.get(timeout=5)
    assert house.leases() == {served.id}
    assert house.counts() == {"a": 1}
