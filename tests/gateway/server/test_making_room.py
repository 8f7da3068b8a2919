"""Who makes room in a worker that has as many connections as it may."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any, Final, cast

import gevent
import pytest
from gevent import monkey
from gevent import socket as green

from gateway.server.intake import Intake
from gateway.server.patience import LOOKS, TimeLimits, Waits
from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import GET, LARGE, Served, asking, post, rest, serving

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


def asked(served: Served, request: bytes, count: int, clients: ExitStack) -> list[Any]:
    """So many clients that have sent `request`, and read nothing."""
    found = [clients.enter_context(served.connect(room=2_048)) for _ in range(count)]
    for each in found:
        each.sendall(request)
    return found


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


def full(sock: Any) -> None:
    """Has `sock` take no byte more than it has already."""
    with suppress(BlockingIOError):
        while True:
            sock.send(b"x", 0, 0.0)


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


def wait_for_newcomer(served: Served) -> None:
    """Returns when the worker knows that somebody waits for a place."""
    wait_until(lambda: not served.acceptor.is_open)
    wait_until(lambda: served.acceptor.is_wanted)


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
