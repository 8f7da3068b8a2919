"""The queue in front of the pool."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from gateway.waiting import WaitingRoom, Wish
from kimi.errors import AllBusy, AwaitingToken, NoAccount, PoolError
from kimi.pool import Lease
from tests.gateway.scripted import wait_until
from tests.kimi.pool.pools import web

WISH = Wish(("kimi",), "kimi")


@dataclass
class Desk:
    """A pool with a number of free accounts, or a refusal."""

    free: int = 0
    refusal: PoolError = field(default_factory=AllBusy)
    asked: int = 0

    def acquire(self, routes: Sequence[str], *, model: str, exclude: Collection[str] = ()) -> Lease:
        self.asked += 1
        gevent.sleep(0)
        if not self.free:
            raise self.refusal
        self.free -= 1
        return Lease(f"{self.asked}", web("a"), "token", 1)

    def release(self, lease: Lease) -> None:
        self.free += 1


def queue(room: WaitingRoom, count: int, order: list[int], wish: Wish = WISH) -> list[Any]:
    """Sends in `count` requests one after the other; each notes its number when it is served."""

    def request(number: int) -> None:
        room.acquire(wish)
        order.append(number)

    greenlets = []
    for number in range(count):
        before = room.waiting
        greenlets.append(gevent.spawn(request, number))
        wait_until(lambda before=before: room.waiting > before)  # type: ignore[misc]
    return greenlets


def test_a_free_account_is_had_at_once() -> None:
    desk = Desk(free=1)
    assert WaitingRoom(desk, 10).acquire(WISH).token == "token"
    assert desk.asked == 1


def test_first_come_first_served_and_one_asks_for_all() -> None:
    desk, order = Desk(), list[int]()
    room = WaitingRoom(desk, 10)
    greenlets = queue(room, 100, order)
    asked = desk.asked
    desk.free = 3
    room.announce(["kimi"])
    wait_until(lambda: len(order) == 3)
    assert order == [0, 1, 2]
    wait_until(lambda: desk.asked == asked + 4)
    desk.free = 97
    room.announce(["kimi"])
    gevent.joinall(greenlets, timeout=5, raise_error=True)
    assert order == list(range(100))
    assert room.waiting == 0


def test_who_comes_later_does_not_overtake() -> None:
    desk, order = Desk(), list[int]()
    room = WaitingRoom(desk, 10)
    (first,) = queue(room, 1, order)
    desk.free = 2

    def come_late() -> None:
        room.acquire(WISH)
        order.append(99)

    late = gevent.spawn(come_late)
    gevent.idle()
    assert order == []
    room.announce(["kimi"])
    gevent.joinall([first, late], timeout=5, raise_error=True)
    assert order == [0, 99]


def test_a_wake_that_comes_while_asking_is_not_lost() -> None:
    class Racing(Desk):
        def acquire(self, routes: Sequence[str], *, model: str, exclude: Collection[str] = ()) -> Lease:
            try:
                return super().acquire(routes, model=model, exclude=exclude)
            finally:
                if self.asked == 2:
                    self.free = 1
                    room.announce(["kimi"])

    room = WaitingRoom(Racing(), 10)
    started = time.monotonic()
    room.acquire(WISH)
    assert time.monotonic() - started < 0.5, "it did not have to look by itself"


def test_lines_of_other_wishes_are_not_called() -> None:
    desk = Desk()
    room = WaitingRoom(desk, 10)
    greenlets = queue(room, 1, []) + queue(room, 1, [], Wish(("moonshot:kimi-k3",), "kimi-k3"))
    wait_until(lambda: desk.asked == 4)
    room.announce(["moonshot:kimi-k3"])
    wait_until(lambda: desk.asked == 5)
    room.announce([])
    wait_until(lambda: desk.asked == 7)
    gevent.killall(greenlets)
    assert room.waiting == 0


def test_a_lost_signal_costs_a_second_at_most() -> None:
    desk, order = Desk(), list[int]()
    (greenlet,) = queue(WaitingRoom(desk, 10), 1, order)
    wait_until(lambda: desk.asked == 2)
    desk.free = 1
    greenlet.join(2)
    assert order == [0]


def test_time_is_up_for_the_first_and_for_those_behind() -> None:
    desk = Desk(refusal=AllBusy("all in use"))
    room = WaitingRoom(desk, 0.1)
    greenlets = [gevent.spawn(room.acquire, WISH) for _ in range(3)]
    gevent.joinall(greenlets, timeout=5)
    assert [str(greenlet.exception) for greenlet in greenlets] == ["all in use"] * 3
    assert room.waiting == 0


def test_waiting_that_cannot_help_ends_at_once() -> None:
    room = WaitingRoom(Desk(refusal=AllBusy("cooling", retry_after=30)), 10)
    started = time.monotonic()
    with pytest.raises(AllBusy) as caught:
        room.acquire(WISH)
    assert caught.value.retry_after == 30
    assert time.monotonic() - started < 1


def test_waiting_ends_when_it_turns_out_to_be_in_vain() -> None:
    desk = Desk()
    room = WaitingRoom(desk, 10)
    greenlet = gevent.spawn(room.acquire, WISH)
    wait_until(lambda: desk.asked == 2)
    desk.refusal = AllBusy("cooling", retry_after=30)
    room.announce(["kimi"])
    greenlet.join(5)
    assert isinstance(greenlet.exception, AllBusy) and greenlet.exception.retry_after == 30


@pytest.mark.parametrize("refusal", [AwaitingToken("no token"), AllBusy("busy")])
def test_without_a_queue_nobody_waits(refusal: PoolError) -> None:
    desk = Desk(refusal=refusal)
    with pytest.raises(type(refusal)):
        WaitingRoom(desk, 0).acquire(WISH)
    assert desk.asked == 1


def test_an_account_that_vanishes_ends_the_waiting() -> None:
    desk = Desk(refusal=AwaitingToken("no token"))
    room = WaitingRoom(desk, 10)
    greenlet = gevent.spawn(room.acquire, WISH)
    wait_until(lambda: desk.asked == 2)
    desk.refusal = NoAccount("dead")
    room.announce([])
    greenlet.join(5)
    assert isinstance(greenlet.exception, NoAccount)
    assert room.waiting == 0


def test_an_account_that_comes_when_the_client_has_left_goes_back() -> None:
    class Slow(Desk):
        def acquire(self, routes: Sequence[str], *, model: str, exclude: Collection[str] = ()) -> Lease:
            lease = super().acquire(routes, model=model, exclude=exclude)
            answer.wait()
            return lease

    answer = Flag()
    desk = Slow(free=1)
    client = gevent.spawn(WaitingRoom(desk, 10).acquire, WISH)
    wait_until(lambda: desk.free == 0)
    client.kill()
    answer.set()
    wait_until(lambda: desk.free == 1)
