"""Who makes room in a worker that has as many connections as it may."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from gateway.server.patience import TimeLimits
from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import GET, asked, post, serving


def test_a_flood_of_idle_ones_shuts_nobody_out() -> None:
    with serving(TimeLimits(), most=8) as served:
        kept = [served.connect() for _ in range(4)]
        for each in kept:
            each.sendall(GET)
            assert each.recv(65_536).endswith(b"ok")
        silent = [served.connect() for _ in range(30)]
        for _ in range(10):
            with served.connect() as client:
                client.sendall(GET)
                assert client.recv(65_536).endswith(b"ok")
        assert [each.recv(1) for each in kept] == [b""] * 4
        assert len(served.acceptor.pool) <= 8
        for each in (*kept, *silent):
            each.close()


def test_who_was_idle_longest_goes_first_and_whoever_asks_stays() -> None:
    with serving(TimeLimits(), most=3) as served:
        first, second, busy = (served.connect() for _ in range(3))
        for each in (second, first):
            each.sendall(GET)
            assert each.recv(65_536).endswith(b"ok")
        busy.sendall(GET.replace(b"/", b"/busy", 1))
        wait_until(lambda: served.connections.requests == 1)
        with served.connect() as late:
            assert second.recv(1) == b""
            first.sendall(GET)
            assert first.recv(65_536).endswith(b"ok")
            late.sendall(GET)
            assert late.recv(65_536).endswith(b"ok")
        served.let_go()
        assert busy.recv(65_536).endswith(b"ok")
        for each in (first, second, busy):
            each.close()


def test_a_byte_here_and_there_keeps_no_place_from_others() -> None:
    with serving(TimeLimits(), most=4) as served, ExitStack() as clients:
        for _ in range(4):
            clients.enter_context(served.connect()).sendall(b"G")
        wait_until(lambda: len(served.connections.waits.heads) == 4)
        others = [clients.enter_context(served.connect()) for _ in range(3)]
        wait_until(lambda: len(served.connections.waits.fresh) == 3)
        for other in others:
            other.sendall(GET)
            assert other.recv(65_536).endswith(b"ok")


def test_whoever_has_had_the_last_answer_goes_before_all_others() -> None:
    with serving(TimeLimits(), most=2) as served, served.connect() as idle, served.connect() as leaving:
        idle.sendall(GET)
        assert idle.recv(65_536).endswith(b"ok")
        leaving.sendall(post("/unread", 50_000_000))
        assert leaving.recv(65_536).startswith(b"HTTP/1.1 401 ")
        wait_until(lambda: bool(served.connections.waits.leaving))
        for client in (served.connect(), idle):
            client.sendall(GET)
            assert client.recv(65_536).endswith(b"ok")
            client.close()


def test_strangers_who_do_not_read_their_answers_make_room_the_oldest_first() -> None:
    with serving(TimeLimits(), most=2) as served, ExitStack() as clients:
        unread = served.connections.waits.unread
        asked(served, GET.replace(b"/", b"/large", 1), 1, clients)
        wait_until(lambda: len(unread) == 1)
        asked(served, GET.replace(b"/", b"/large", 1), 1, clients)
        wait_until(lambda: len(unread) == 2)
        _, second = unread
        with served.connect() as late:
            late.sendall(GET)
            assert late.recv(65_536).endswith(b"ok")
        assert list(unread) == [second]


def test_bodies_of_strangers_make_room() -> None:
    with serving(TimeLimits(), most=2) as served, ExitStack() as clients:
        asked(served, post(length=9) + b"x", 2, clients)
        wait_until(lambda: len(served.connections.waits.strange) == 2)
        with served.connect() as late:
            late.sendall(GET)
            assert late.recv(65_536).endswith(b"ok")
        assert len(served.connections.waits.strange) == 1


def test_whoever_has_a_key_keeps_his_place_however_slowly_he_sends_and_reads() -> None:
    with serving(TimeLimits(stranger=0), most=3) as served, ExitStack() as clients:
        asked(served, GET.replace(b"/", b"/large?asked", 1), 1, clients)
        asked(served, GET.replace(b"/", b"/busy?key", 1), 1, clients)
        asked(served, post("/?key", length=9) + b"x", 1, clients)
        waits = served.connections.waits
        wait_until(lambda: len(waits.bodies) == 1 and served.connections.requests == 3)
        assert waits.least_missed() is None
        assert waits.late(time.monotonic()) == {}


@pytest.mark.parametrize(
    ("request_bytes", "queue"),
    [
        (GET.replace(b"/", b"/large?key", 1), "unread"),
        (GET.replace(b"/", b"/busy", 1), "asking"),
        (post("/?key", length=9) + b"x", "bodies"),
    ],
    ids=["an answer for which Kimi was not asked", "a stranger's request", "a body that comes for long"],
)
def test_a_key_that_costs_nothing_keeps_nobody_out(request_bytes: bytes, queue: str) -> None:
    with serving(TimeLimits(grace=0.2, rate=0), most=2) as served, ExitStack() as clients:
        asked(served, request_bytes, 2, clients)
        waiting = getattr(served.connections.waits, queue)
        wait_until(lambda: len(waiting) == 2)
        first, _ = waiting
        with served.connect() as late:
            late.sendall(GET)
            assert late.recv(65_536).endswith(b"ok")
        wait_until(lambda: first not in waiting)


def test_a_strangers_request_goes_before_a_body_of_somebody_with_a_key() -> None:
    with serving(TimeLimits(grace=0, rate=0), most=2) as served, ExitStack() as clients:
        asked(served, post("/?key", length=9) + b"x", 1, clients)
        wait_until(lambda: bool(served.connections.waits.bodies))
        asked(served, GET.replace(b"/", b"/busy", 1), 1, clients)
        wait_until(lambda: bool(served.connections.waits.asking))
        (stranger,) = served.connections.waits.asking
        assert served.connections.waits.least_missed() is stranger
