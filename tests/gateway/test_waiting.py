"""The requests of one worker that wait for an account. The queue itself is the pool's, see tests/kimi/pool."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from gateway.breaker import Breaker
from gateway.shield import Shieldable
from gateway.waiting import WaitingRoom
from kimi.errors import AllBusy, AwaitingToken, NoAccount, PoolError, StoreUnavailable, Unreachable, UpstreamDown
from kimi.pool import Lease, Wish
from tests.gateway.fakes import Clock
from tests.gateway.scripted import wait_until
from tests.kimi.pool.pools import web

WISH = Wish(("kimi",), "kimi")


@dataclass
class Desk:
    """A pool with a number of free accounts, or a refusal. It notes who asks and who leaves."""

    free: int = 0
    refusal: PoolError = field(default_factory=AllBusy)
    asked: list[str] = field(default_factory=list)
    patience: float = 0.0
    left: list[str] = field(default_factory=list)
    looks: list[tuple[str, ...]] = field(default_factory=list)
    rests: float | None = None
    away: bool = False
    tripped: Collection[str] = frozenset()

    def acquire(self, wish: Wish, *, ticket: str = "", patience: float = 0.0) -> Lease:
        assert wish.tripped == self.tripped
        self.asked.append(ticket)
        self.patience = patience
        gevent.idle()
        if not self.free:
            raise self.refusal
        self.free -= 1
        return Lease(f"{len(self.asked)}", web("a"), "token", 1, 0.0)

    def release(self, lease: Lease) -> float:
        assert lease.token == "token"
        self.free += 1
        return 0.0

    def leave(self, ticket: str) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.left.append(ticket)

    def look(self, routes: Collection[str]) -> float | None:
        if self.away:
            raise StoreUnavailable("away")
        self.looks.append(tuple(routes))
        return self.rests


def room_over(desk: Desk, seconds: float, **options: Any) -> WaitingRoom:
    return WaitingRoom(desk, seconds, "w", Breaker(time.monotonic), **options)


def waiting(room: WaitingRoom, count: int) -> list[Any]:
    """Sends in `count` requests and waits until all of them wait."""
    before = room.waiting
    greenlets = [Shieldable.spawn(room.acquire, WISH) for _ in range(count)]
    wait_until(lambda: room.waiting == before + count)
    return greenlets


def test_a_free_account_is_had_at_once() -> None:
    desk = Desk(free=1)
    lease = room_over(desk, 10).acquire(WISH)
    assert lease.token == "token"
    assert (desk.asked, desk.patience, desk.left) == (["w.1"], 10, [])


def test_whoever_is_called_asks_again_with_the_same_ticket() -> None:
    desk = Desk()
    room = room_over(desk, 10)
    first, second = waiting(room, 2)
    desk.free = 1
    room.call("w.2")
    second.join(5)
    assert second.value.token == "token"
    assert desk.asked == ["w.1", "w.2", "w.2"]
    assert 9 < desk.patience <= 10
    assert room.waiting == 1 and not first.ready()
    assert desk.left == [], "the pool has taken the ticket"
    room.call("w.2")
    room.call("somebody else's")
    first.kill()


def test_how_many_wait_is_told_whenever_it_changes() -> None:
    told: list[int] = []
    room = room_over(desk := Desk(), 10, changed=told.append)
    first, second = waiting(room, 2)
    desk.free = 1
    room.call("w.1")
    first.join(5)
    second.kill()
    assert told == [1, 2, 1, 0]


def test_one_who_is_called_in_vain_waits_on() -> None:
    desk = Desk()
    room = room_over(desk, 10)
    (greenlet,) = waiting(room, 1)
    room.call("w.1")
    wait_until(lambda: len(desk.asked) == 2)
    desk.free = 1
    room.call("w.1")
    greenlet.join(5)
    assert greenlet.value.token == "token"


@pytest.mark.parametrize("question", [1, 2])
def test_a_call_that_is_heard_before_the_answer_is_not_lost(question: int) -> None:
    class Racing(Desk):
        def acquire(self, *args: Any, **options: Any) -> Lease:
            try:
                return super().acquire(*args, **options)
            finally:
                if len(self.asked) == question:
                    self.free = 1
                    room.call("w.1")

    room = room_over(Racing(), 10)
    greenlet = Shieldable.spawn(room.acquire, WISH)
    if question == 2:
        wait_until(lambda: room.waiting == 1)
        room.call("w.1")
    greenlet.join(5)
    assert greenlet.value.token == "token"


def test_after_lost_calls_everybody_asks() -> None:
    desk = Desk()
    room = room_over(desk, 10)
    greenlets = waiting(room, 3)
    desk.free = 2
    room.call_all()
    wait_until(lambda: sorted(desk.asked) == sorted(["w.1", "w.2", "w.3"] * 2))
    wait_until(lambda: sum(greenlet.ready() for greenlet in greenlets) == 2)
    gevent.killall(greenlets)


def test_time_is_up() -> None:
    desk = Desk(refusal=AllBusy("all in use"))
    room = room_over(desk, 0.1)
    greenlets = waiting(room, 3)
    gevent.joinall(greenlets, timeout=5)
    assert [str(greenlet.exception) for greenlet in greenlets] == ["all in use"] * 3
    assert room.waiting == 0
    assert sorted(desk.asked) == sorted(["w.1", "w.2", "w.3"] * 2)
    assert (desk.patience, desk.left) == (0, []), "the last question has torn the ticket up"


def test_when_time_is_up_the_answer_says_how_long_it_would_take_now() -> None:
    desk = Desk(refusal=AllBusy("all in use"))
    (greenlet,) = waiting(room_over(desk, 0.1), 1)
    desk.refusal = AllBusy("cooling", retry_after=40)
    greenlet.join(5)
    assert greenlet.exception.retry_after == 40


def test_whoever_leaves_tears_his_ticket_up() -> None:
    desk = Desk()
    (greenlet,) = waiting(room_over(desk, 10), 1)
    greenlet.kill()
    wait_until(lambda: desk.left == ["w.1"])


def test_waiting_that_cannot_help_ends_at_once() -> None:
    desk = Desk(refusal=AllBusy("cooling", retry_after=30))
    with pytest.raises(AllBusy) as caught:
        room_over(desk, 10).acquire(WISH)
    assert caught.value.retry_after == 30
    assert desk.asked == ["w.1"]


@pytest.mark.parametrize("refusal", [AllBusy("cooling", retry_after=30), NoAccount("dead"), UpstreamDown("down")])
def test_waiting_ends_when_it_turns_out_to_be_in_vain(refusal: PoolError) -> None:
    desk = Desk()
    room = room_over(desk, 10)
    (greenlet,) = waiting(room, 1)
    desk.refusal = refusal
    room.call("w.1")
    greenlet.join(5)
    assert type(greenlet.exception) is type(refusal)
    assert greenlet.exception.retry_after == refusal.retry_after
    assert room.waiting == 0
    assert desk.left == [], "the pool has torn the ticket up"


@pytest.mark.parametrize("refusal", [AwaitingToken("no token"), AllBusy("busy")])
def test_without_a_queue_nobody_waits(refusal: PoolError) -> None:
    desk = Desk(refusal=refusal)
    with pytest.raises(type(refusal)):
        room_over(desk, 0).acquire(WISH)
    assert (desk.asked, desk.patience) == (["w.1"], 0)


def test_an_account_that_comes_when_the_client_has_left_goes_back() -> None:
    class Slow(Desk):
        def acquire(self, *args: Any, **options: Any) -> Lease:
            lease = super().acquire(*args, **options)
            answer.wait()
            return lease

    answer = Flag()
    desk = Slow(free=1)
    client = Shieldable.spawn(room_over(desk, 10).acquire, WISH)
    wait_until(lambda: desk.free == 0)
    client.kill(block=False)
    gevent.idle()
    answer.set()
    wait_until(lambda: desk.free == 1)


def test_an_account_that_comes_at_the_moment_at_which_the_client_leaves_goes_back() -> None:
    class Late(Desk):
        def acquire(self, *args: Any, **options: Any) -> Lease:
            lease = super().acquire(*args, **options)
            client.kill(block=False)
            gevent.idle()  # here it would take effect
            return lease

    desk = Late(free=1)
    client = Shieldable.spawn(room_over(desk, 10).acquire, WISH)
    client.join(5)
    assert isinstance(client.value, gevent.GreenletExit)
    wait_until(lambda: desk.free == 1)


def test_a_ticket_that_is_queued_when_the_client_has_left_is_torn_up() -> None:
    class Slow(Desk):
        def acquire(self, *args: Any, **options: Any) -> Lease:
            answer.wait()
            return super().acquire(*args, **options)

    answer = Flag()
    desk = Slow()
    client = Shieldable.spawn(room_over(desk, 10).acquire, WISH)
    gevent.idle()
    client.kill(block=False)
    gevent.idle()
    answer.set()
    wait_until(lambda: desk.left == ["w.1"])


def test_somebody_looks_after_those_who_wait_and_only_then() -> None:
    desk, pauses = Desk(rests=0.4), list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        gevent.idle()

    room = room_over(desk, 10, pause=pause)
    caretaker = gevent.spawn(room.run)
    gevent.idle()
    assert desk.looks == []
    greenlets = waiting(room, 3)
    wait_until(lambda: len(desk.looks) > 1)
    assert set(desk.looks) == {("kimi",)} and set(pauses) == {0.4}
    desk.rests = 0.0
    wait_until(lambda: pauses[-1] == 0.01)
    desk.rests = None
    wait_until(lambda: pauses[-1] == 1)
    gevent.killall(greenlets)
    count = -1
    while count != len(pauses):
        count = len(pauses)
        gevent.idle()
    assert not caretaker.ready()
    caretaker.kill()


def test_one_look_is_for_all_who_wait_whatever_they_wait_for() -> None:
    desk = Desk()
    room = room_over(desk, 10)
    wishes = [replace(WISH, routes=(f"kimi@{owner}", "kimi")) for owner in "abc"]
    greenlets = [Shieldable.spawn(room.acquire, wish) for wish in wishes]
    wait_until(lambda: room.waiting == 3)
    caretaker = gevent.spawn(room.run)
    wait_until(lambda: bool(desk.looks))
    assert desk.looks == [("kimi", "kimi@a", "kimi@b", "kimi@c")]
    gevent.killall([*greenlets, caretaker])


def test_of_many_whom_a_line_kept_away_some_ask_at_a_time() -> None:
    account, breaker, pauses = web("a"), Breaker(clock := Clock()), list[float]()
    for _ in range(5):
        breaker.ended(account, "w.0", Unreachable())
        clock.advance(1)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert len(desk.asked) <= 40 + 16 * len(pauses)
        gevent.idle()

    desk = Desk(tripped={account.line})
    room = WaitingRoom(desk, 10, "w", breaker, pause=pause)
    greenlets = waiting(room, 40)
    desk.tripped = frozenset()
    breaker.answered(account)
    wait_until(lambda: len(desk.asked) == 80)
    gevent.killall(greenlets)


def test_a_store_that_is_away_costs_tickets_only() -> None:
    desk = Desk()
    room = room_over(desk, 0.2)
    caretaker = gevent.spawn(room.run)
    (greenlet,) = waiting(room, 1)
    desk.away = True
    started = time.monotonic()
    greenlet.join(5)
    assert isinstance(greenlet.exception, AllBusy) and time.monotonic() - started < 1
    assert not caretaker.ready()
    caretaker.kill()
