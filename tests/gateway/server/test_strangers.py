"""How long a stranger may take, and a client that takes nothing of its answer."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent import socket as green

from gateway.server.intake import Intake
from gateway.server.patience import TimeLimits, Waits
from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import GET, asked, asking, post, serving


def full(sock: Any) -> None:
    """Has `sock` take no byte more than it has already."""
    with suppress(BlockingIOError):
        while True:
            sock.send(b"x", 0, 0.0)


def test_a_strangers_stream_that_waits_for_us_goes_on_however_long_it_takes_but_makes_room() -> None:
    with serving(TimeLimits(stranger=0.1, grace=0), most=1) as served, served.connect() as client:
        client.sendall(GET.replace(b"/", b"/slow", 1))
        came = b""
        while b"begin" not in came:
            came += client.recv(65_536)
        waits = served.connections.waits
        assert waits.late(time.monotonic() + 1_000) == {}
        (stranger,) = waits.asking
        assert waits.least_missed() is stranger
        served.let_go()
        while b"end" not in came:
            came += client.recv(65_536)


def test_what_counts_is_how_long_a_client_takes_nothing_of_one_answer() -> None:
    now = 0.0
    waits = Waits(TimeLimits(), lambda: now)
    client, sock = green.socketpair()
    with client, sock, gevent.Timeout(5):
        intake = Intake(sock, waits)
        for began, counted, is_next in ((0.0, 0.0, False), (100.0, 96.0, False), (200.0, 200.0, True)):
            now = began
            if is_next:
                intake.await_next()
            full(sock)
            waiting = gevent.spawn(intake.await_room)
            wait_until(lambda: bool(waits.unread))
            assert waits.unread == {intake: counted}
            assert set(waits.late(counted + waits.limits.stranger)) == {intake}
            assert client.recv(1 << 20)
            now = began + 4
            waiting.get()
            assert not waits.unread


def test_whoever_is_served_may_read_slowly() -> None:
    client, sock = green.socketpair()
    with client, sock:
        waits = Waits(TimeLimits())
        intake = Intake(sock, waits)
        intake.await_nothing()
        intake.await_key()
        intake.serve()
        full(sock)
        waiting = gevent.spawn(intake.await_room)
        gevent.idle()
        assert not waiting.ready() and not (waits.unread or waits.asking)
        client.recv(1 << 20)
        waiting.get(timeout=5)


@pytest.mark.parametrize("what", [GET.replace(b"/", b"/large", 1), post(length=9) + b"x"], ids=["answer", "body"])
def test_a_stranger_has_only_so_long(what: bytes) -> None:
    with serving(TimeLimits(stranger=0.1), most=2) as served, ExitStack() as clients:
        asked(served, what, 1, clients)
        wait_until(lambda: served.connections.requests == 1)
        wait_until(lambda: served.connections.requests == 0)


@pytest.mark.parametrize(
    ("sent", "queue"), [(asking(post(length=1)), "strange"), (b"nonsense\r\n\r\n", "leaving")], ids=["word", "refusal"]
)
def test_what_the_gateway_says_by_itself_waits_for_nobody_either(sent: bytes, queue: str) -> None:
    client, sock = green.socketpair()
    full(sock)
    with serving(TimeLimits(), most=2) as served, client:
        connections, listener = served.connections, SimpleNamespace(getsockname=lambda: served.address)
        connection = gevent.spawn(connections.serve, listener, sock, served.address)
        client.sendall(sent)
        wait_until(lambda: bool(getattr(connections.waits, queue)))
        gevent.get_hub().loop.run_callback(connections.make_room)
        connection.join()


def test_a_stranger_who_is_too_slow_in_two_ways_is_told_so_and_heard_out() -> None:
    with serving(TimeLimits(stranger=0.1, grace=0.0), most=2) as served, served.connect() as client:
        client.sendall(post(length=9) + b"x")
        answer = b""
        while b"request_timeout" not in answer:
            answer += client.recv(65_536)
        client.sendall(b"x" * 100_000)
        wait_until(lambda: bool(served.connections.waits.leaving))
