"""A worker all of whose places are taken: who waits gets the next one, and nobody loses an answer by it."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import ExitStack, suppress
from typing import Any, Final, cast

import gevent
import pytest
from gevent import monkey
from gevent import socket as green

from gateway.server.intake import Intake
from gateway.server.patience import LOOKS, TimeLimits, Waits
from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import GET, LARGE, Served, post, rest, serving

_socket: Final = monkey.get_original("socket", "socket")


def become_idle(served: Served, client: Any) -> None:
    client.sendall(GET)
    assert client.recv(65_536).endswith(b"ok")
    wait_until(lambda: bool(served.connections.waits.idle))


def at_once(address: Any) -> Any:
    """A connection to the worker, which has no turn meanwhile."""
    sock = _socket()
    sock.connect(address)
    return sock


def wait_for_newcomer(served: Served) -> None:
    """Returns when the worker knows that somebody waits for a place."""
    wait_until(lambda: not served.acceptor.is_open)
    wait_until(lambda: served.acceptor.is_wanted)


def test_where_all_are_busy_the_next_one_waits_its_turn() -> None:
    with serving(TimeLimits(), most=2) as served:
        busy = [served.connect() for _ in range(2)]
        for each in busy:
            each.sendall(GET.replace(b"/", b"/busy", 1))
        wait_until(lambda: served.connections.requests == 2)
        with served.connect() as late:
            late.sendall(GET)
            wait_until(lambda: not served.acceptor.is_open)
            served.let_go()
            assert late.recv(65_536).endswith(b"ok")
        for each in busy:
            each.close()


def test_whoever_is_answered_while_somebody_waits_gives_his_place_to_him() -> None:
    """Whoever asks again as soon as he has his answer is never seen idle."""
    with serving(TimeLimits(), most=1) as served, served.connect() as busy:
        busy.sendall(GET)
        assert b"Connection: keep-alive" in busy.recv(65_536)
        busy.sendall(GET.replace(b"/", b"/busy", 1))
        wait_until(lambda: served.connections.requests == 1)
        with served.connect() as late:
            wait_for_newcomer(served)
            served.let_go()
            assert b"Connection: close" in rest(busy)
            late.sendall(GET)
            assert late.recv(65_536).endswith(b"ok")


def test_an_answer_is_whole_also_where_the_next_request_has_come_behind_it() -> None:
    with serving(TimeLimits(), most=1) as served, served.connect(room=2_048) as busy:
        busy.sendall(post("/large?asked", length=1))
        wait_until(lambda: served.connections.requests == 1)
        with served.connect():
            wait_for_newcomer(served)
            busy.sendall(b"x")
            answer = busy.recv(100)
            busy.sendall(GET)
            answer += rest(busy)
        assert b"Connection: close" in answer
        assert len(answer.partition(b"\r\n\r\n")[2]) == LARGE


@pytest.mark.parametrize("is_first", [False, True])
def test_whose_request_has_come_is_answered_also_where_newcomers_are_seen_first(*, is_first: bool) -> None:
    with serving(TimeLimits(), most=2) as served, served.connect() as idle, ExitStack() as newcomers:
        become_idle(served, idle)
        for is_asking in (not is_first, is_first):  # the worker has no turn between the two
            if is_asking:
                idle.sendall(post(length=1) + b"x")
            else:  # the first takes the last place, for the second one somebody has to go
                newcomers.enter_context(at_once(served.address))
                newcomers.enter_context(at_once(served.address))
        assert idle.recv(65_536).endswith(b"ok")
        assert served.read == 1
        assert idle.recv(1) == b"", "it makes room then"
        wait_until(lambda: len(served.connections.waits.fresh) == 2)


def test_whose_request_has_come_is_answered_where_somebody_waits_already() -> None:
    with serving(TimeLimits(), most=1) as served, served.connect() as idle:
        become_idle(served, idle)
        idle.sendall(post(length=1) + b"x")
        with at_once(served.address):
            gevent.get_hub().loop.run_callback(served.connections.look_after, time.monotonic())
            assert idle.recv(65_536).endswith(b"ok")
            assert served.read == 1
            assert idle.recv(1) == b"", "it makes room then"


def test_a_client_between_two_requests_that_have_both_come_is_spared() -> None:
    with serving(TimeLimits(), most=2) as served, served.connect() as idle:
        idle.sendall(GET)
        assert idle.recv(65_536).endswith(b"ok")
        waits = served.connections.waits
        pausing, _ = ends = green.socketpair()
        intake = Intake(pausing, waits)
        intake.buf.write(GET)
        intake.await_nothing()
        waits.idle = {intake: 0.0, **waits.idle}
        assert waits.least_missed() is not intake
        assert intake not in dict(waits.late(waits.limits.idle + 1))
        intake.buf.truncate(0)
        assert waits.least_missed() is intake
        assert intake in dict(waits.late(waits.limits.idle + 1))
        del waits.idle[intake]
        for end in ends:
            end.close()


def test_of_a_flood_only_a_few_are_looked_at() -> None:
    looked = list[int]()

    class Asking:
        """One whose request has come."""

        @property
        def has_come(self) -> bool:
            looked.append(1)
            return True

    waits = Waits(TimeLimits())
    waits.idle = {cast("Intake", Asking()): 0.0 for _ in range(1_000)}
    assert waits.least_missed() is None
    assert len(looked) == LOOKS


def test_a_full_worker_waits_once_for_a_place_however_long_it_is_full() -> None:
    with serving(TimeLimits(), most=1) as served, served.connect() as busy:
        busy.sendall(GET.replace(b"/", b"/busy", 1))
        wait_until(lambda: served.connections.requests == 1)
        with served.connect() as late:
            wait_until(lambda: not served.acceptor.is_open)
            tracemalloc.start()
            for _ in range(2_000):
                served.acceptor.knock()
                gevent.idle()
            kept, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert kept < 50_000, "a place to which the pool links would be kept for each"
            served.let_go()
            assert busy.recv(65_536).endswith(b"ok")
            late.sendall(GET)
            assert late.recv(65_536).endswith(b"ok")


@pytest.mark.parametrize("request_bytes", [GET, post("/unread", length=1) + b"x"], ids=["plain", "unread body"])
def test_one_that_always_has_sent_the_next_request_gives_its_place_to_who_waits(request_bytes: bytes) -> None:
    with serving(TimeLimits(), most=1) as served, served.connect() as greedy:
        greedily = [gevent.spawn(_read_on, greedy), gevent.spawn(_send, greedy, request_bytes * 20_000)]
        wait_until(lambda: served.asked > 1)
        with served.connect() as late:
            late.sendall(GET)
            assert late.recv(65_536).endswith(b"ok")
        gevent.joinall(greedily, raise_error=True)
        assert served.asked < 20_000


def _read_on(client: Any) -> None:
    with suppress(ConnectionResetError):
        rest(client)


def _send(client: Any, data: bytes) -> None:
    with suppress(ConnectionResetError, BrokenPipeError):
        client.sendall(data)
