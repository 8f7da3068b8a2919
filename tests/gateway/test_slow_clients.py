"""What slow and greedy clients get of a worker: real ones, on real sockets, with limits that are short."""

from __future__ import annotations

import resource
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import gevent.event
import orjson
import pytest

from gateway.body import read_body
from gateway.errors import RequestError
from gateway.explaining import describe
from gateway.listening import BUFFER_BYTES
from gateway.outlet import SocketOutlet
from gateway.patience import Patience
from tests.gateway.scripted import wait_until
from tests.gateway.workers import Listening

SHORT = Patience(head=0.3, idle=0.9, body=6, grace=0.3, rate=1_024, unread=0.4, leaving=0.4)
SOON = 4.0
"""Seconds that none of them takes on a busy machine, and each would without its limit."""
LIMIT = 300_000
"""Of a body, in bytes."""
LARGE = 4_000_000
"""Of an answer, in bytes."""
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Served(Listening):
    """A worker that listens, and what its application has seen."""

    def __init__(self, patience: Patience, most: int) -> None:
        self.read = 0
        self.closed = 0
        self.written = 0
        self._busy = gevent.event.Event()
        super().__init__(self._app, patience, most)

    def let_go(self) -> None:
        """Ends what is `/busy`."""
        self._busy.set()

    def _app(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        try:
            if path != "/unread":
                self.read += len(read_body(environ, LIMIT))
        except RequestError as error:
            problem = describe(error, "req-1")
            start_response(f"{problem.status} x", [("content-type", "application/json")])
            return [orjson.dumps(problem.body)]
        if path == "/busy":
            self._busy.wait()
        if path == "/stream":
            start_response("200 OK", [("content-type", "text/event-stream")])
            return Stream(self, SocketOutlet.of(environ))
        answer = b"x" * LARGE if path == "/large" else b"ok"
        start_response("401 Unauthorized" if path == "/unread" else "200 OK", [("content-length", str(len(answer)))])
        return [answer]


class Stream:
    """An answer without an end, of which each piece is fetched when the one before has been taken."""

    def __init__(self, served: Served, outlet: Any) -> None:
        self._served = served
        self._outlet = outlet

    def __iter__(self) -> Iterator[bytes]:
        yield b"data: first\n\n"
        while True:
            self._outlet.write(b"x" * 10_000)
            self._served.written += 10_000

    def close(self) -> None:
        self._served.closed += 1


@contextmanager
def serving(patience: Patience = SHORT, most: int = 50) -> Iterator[Served]:
    served = Served(patience, most)
    try:
        with gevent.Timeout(12):
            yield served
    finally:
        served.stop()


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as found:
        yield found


def rest(client: Any) -> bytes:
    """All that comes until the connection is closed."""
    return b"".join(iter(lambda: client.recv(65_536), b""))


def trickle(client: Any, data: bytes, pause: float, times: int = 1) -> None:
    """Sends one byte after the other, each so many times, until the other side takes none."""
    with suppress(OSError):
        for byte in data:
            client.sendall(bytes([byte]) * times)
            gevent.sleep(pause)


def drip(client: Any, data: bytes, pause: float) -> bytes:
    """The same until the other side is through with it; what that says."""
    sending = gevent.spawn(trickle, client, data, pause)
    try:
        return rest(client)
    finally:
        sending.kill()


def flood(client: socket.socket, requests: int) -> None:
    """Sends one request behind the other, until the other side takes none."""
    with suppress(OSError):
        for _ in range(requests // 500):
            client.sendall(GET * 500)


def received(client: socket.socket) -> bytes:
    """What has come, nothing at the end."""
    with suppress(OSError):
        return client.recv(1 << 20)
    return b""


def error_of(answer: bytes) -> tuple[bytes, str]:
    """Status and code of an answer after which the connection is closed."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    if b"transfer-encoding: chunked" in head.lower():
        body = body.split(b"\r\n")[1]
    return head.split()[1], orjson.loads(body)["error"]["code"]


class TestHeads:
    def test_of_whom_nothing_comes_is_closed_without_a_word(self, served: Served) -> None:
        began = time.monotonic()
        with served.connect() as client:
            assert rest(client) == b""
        assert time.monotonic() - began < SOON

    @pytest.mark.parametrize("before", [b"", GET], ids=["fresh", "kept"])
    def test_a_drip_of_bytes_extends_nothing(self, served: Served, before: bytes) -> None:
        with served.connect() as client:
            if before:
                client.sendall(before)
                assert client.recv(65_536).endswith(b"ok")
                gevent.sleep(0.5)  # which is no part of the head's time
            began = time.monotonic()
            answer = drip(client, b"GET /" + b"x" * 4_000, 0.02)
        assert error_of(answer) == (b"408", "request_timeout")
        assert time.monotonic() - began < SOON

    def test_who_is_idle_has_longer_and_is_closed_without_a_word(self, served: Served) -> None:
        with served.connect() as client:
            client.sendall(GET)
            assert client.recv(65_536).endswith(b"ok")
            began = time.monotonic()
            assert rest(client) == b""
        assert SHORT.head < time.monotonic() - began < SOON

    def test_a_head_that_is_too_large_in_all_is_refused(self, served: Served) -> None:
        lines = b"".join(b"X-%d: %b\r\n" % (number, b"x" * 4_000) for number in range(40))
        with served.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")
            assert error_of(rest(client)) == (b"431", "headers_too_large")


def resident() -> int:
    """The memory of this process that is there, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def moves(served: Served) -> Iterator[bool]:
    """Whether more is written, looked at a few times."""
    for _ in range(3):
        before = served.written
        gevent.sleep(0.02)
        yield served.written > before


def post(path: str = "/", length: int | None = None) -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()


class TestBodies:
    @pytest.mark.parametrize("head", [post(length=LIMIT), post() + b"10000\r\n"], ids=["declared", "chunked"])
    @pytest.mark.parametrize("pause", [0.02, 3], ids=["drip", "silence"])
    def test_a_slow_one_is_told(self, served: Served, head: bytes, pause: float) -> None:
        began = time.monotonic()
        with served.connect() as client:
            client.sendall(head)
            assert error_of(drip(client, b"x" * 100_000, pause)) == (b"408", "request_timeout")
        assert time.monotonic() - began < SOON < SHORT.body

    def test_one_that_is_fast_enough_has_a_limit_all_the_same(self) -> None:
        began = time.monotonic()
        with serving(replace(SHORT, body=0.8)) as served, served.connect() as client:
            client.sendall(post(length=LIMIT))
            sending = gevent.spawn(trickle, client, b"x" * 1_000, 0.05, 1_000)
            assert error_of(rest(client)) == (b"408", "request_timeout")
            sending.kill()
        assert 0.8 <= time.monotonic() - began < SOON

    def test_one_that_is_slow_and_honest_passes(self, served: Served) -> None:
        with served.connect() as client:
            client.sendall(post(length=10_000))
            for _ in range(10):
                gevent.sleep(0.08)
                client.sendall(b"x" * 1_000)
            assert client.recv(65_536).endswith(b"ok")
        assert served.read == 10_000

    def test_32_megabytes_at_10_megabits_a_second_come_in_time(self) -> None:
        seconds = 32 * 1024 * 1024 * 8 / 10_000_000
        patience = Patience()
        moments = [second / 10 for second in range(int(seconds * 10))]
        assert not any(patience.is_over_for_body(moment, int(moment * 1_250_000)) for moment in moments)
        assert patience.is_over_for_body(30, 33_000_000)

    @pytest.mark.parametrize(
        "body",
        [
            b"1\r\nx\r\n" * 200_000,
            b"1;" + b"x" * 5_000,
            b"0\r\n" + b"".join(b"X-%d: %b\r\n" % (number, b"y" * 1_000) for number in range(40)) + b"\r\n",
        ],
        ids=["tiny", "extension", "trailers"],
    )
    def test_the_framing_of_chunks_is_bounded(self, served: Served, body: bytes) -> None:
        began = time.process_time()
        with served.connect() as client:
            client.sendall(post() + body)
            assert error_of(rest(client)) == (b"400", "incomplete_body")
        assert time.process_time() - began < 1

    def test_others_are_served_between_the_chunks_of_one(self, served: Served) -> None:
        greedy = served.connect()
        with greedy, served.connect() as other:
            sending = gevent.spawn(greedy.sendall, post() + (b"40\r\n" + b"x" * 64 + b"\r\n") * 4_600 + b"0\r\n\r\n")
            wait_until(lambda: served.worker._requests == 1)
            other.sendall(GET)
            assert other.recv(65_536).endswith(b"ok")
            assert not served.read
            assert greedy.recv(65_536).endswith(b"ok")
            sending.get()

    @pytest.mark.parametrize(
        ("length", "kept"), [(10_000, True), (2_000_000, False), (None, False)], ids=["small", "large", "chunked"]
    )
    def test_what_nobody_reads_is_drained_only_where_it_is_little(
        self, served: Served, length: int | None, *, kept: bool
    ) -> None:
        with served.connect() as client:
            client.sendall(post("/unread", length))
            client.sendall(b"x" * length if length else b"2\r\nxx\r\n0\r\n\r\n")
            client.sendall(GET)
            client.shutdown(socket.SHUT_WR)
            answers = rest(client)
        assert answers.startswith(b"HTTP/1.1 401 ")
        assert (b"HTTP/1.1 200 OK" in answers) is kept
        assert (b"Connection: close" in answers) is not kept

    def test_what_nobody_reads_and_does_not_come_keeps_no_connection(self, served: Served) -> None:
        with served.connect() as client:
            client.sendall(post("/unread", 10_000))
            began = time.monotonic()
            assert b"401 Unauthorized" in rest(client)
            assert time.monotonic() - began < SOON

    def test_who_goes_on_sending_behind_the_last_answer_is_not_heard_for_long(self, served: Served) -> None:
        with served.connect() as client:
            client.sendall(post("/unread", 50_000_000))
            assert client.recv(65_536).startswith(b"HTTP/1.1 401 ")
            began = time.monotonic()
            trickle(client, b"x" * 1_000, 0.01)
            assert not served.door.pool
            assert time.monotonic() - began < SOON


class TestReaders:
    @pytest.mark.parametrize("path", [b"/large", b"/stream"])
    def test_who_takes_nothing_is_cut_off(self, served: Served, path: bytes) -> None:
        with served.connect(4_096) as client:
            client.sendall(GET.replace(b"/", path, 1))
            assert client.recv(12) == b"HTTP/1.1 200"
            wait_until(lambda: not served.door.pool)
        assert served.written < 1_000_000, "it went on without its reader"
        assert served.closed == (path == b"/stream"), "what a stream holds is given back"
        assert served.worker._requests == 0

    def test_who_reads_slowly_gets_all_of_it(self, served: Served) -> None:
        with served.connect(65_536) as client:
            client.sendall(GET.replace(b"/", b"/large", 1))
            came = 0
            while came < LARGE:
                came += len(client.recv(200_000))
                gevent.sleep(0.02)

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process's memory is told differently")
    def test_the_memory_of_many_is_bounded(self) -> None:
        count = 100
        with serving(Patience(), most=count) as served, ExitStack() as clients:
            before = resident()
            for _ in range(count):
                client = clients.enter_context(served.connect(4_096))
                client.sendall(GET.replace(b"/", b"/stream", 1))
            wait_until(lambda: served.worker._requests == count and not any(moves(served)))
            assert (resident() - before) / count < 64 * 1024
            assert served.written / count < 4 * BUFFER_BYTES, "what the kernel keeps is bounded as well"
            clients.close()
            wait_until(lambda: served.closed == count)


class TestRoom:
    def test_a_flood_of_idle_ones_shuts_nobody_out(self) -> None:
        with serving(Patience(), most=8) as served:
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
            assert len(served.door.pool) <= 8
            for each in (*kept, *silent):
                each.close()

    def test_who_was_idle_longest_goes_first_and_whoever_asks_stays(self) -> None:
        with serving(Patience(), most=3) as served:
            first, second, busy = (served.connect() for _ in range(3))
            for each in (second, first):
                each.sendall(GET)
                assert each.recv(65_536).endswith(b"ok")
            busy.sendall(GET.replace(b"/", b"/busy", 1))
            wait_until(lambda: served.worker._requests == 1)
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

    def test_a_byte_here_and_there_keeps_no_place_from_others(self) -> None:
        with serving(Patience(), most=4) as served, ExitStack() as clients:
            for _ in range(4):
                clients.enter_context(served.connect()).sendall(b"G")
            wait_until(lambda: len(served.worker._waits.heads) == 4)
            others = [clients.enter_context(served.connect()) for _ in range(3)]
            wait_until(lambda: len(served.worker._waits.fresh) == 3)
            for other in others:
                other.sendall(GET)
                assert other.recv(65_536).endswith(b"ok")

    def test_whoever_has_had_the_last_answer_goes_before_all_others(self) -> None:
        with serving(Patience(), most=2) as served, served.connect() as idle, served.connect() as leaving:
            idle.sendall(GET)
            assert idle.recv(65_536).endswith(b"ok")
            leaving.sendall(post("/unread", 50_000_000))
            assert leaving.recv(65_536).startswith(b"HTTP/1.1 401 ")
            wait_until(lambda: bool(served.worker._waits.leaving))
            for client in (served.connect(), idle):
                client.sendall(GET)
                assert client.recv(65_536).endswith(b"ok")
                client.close()

    def test_where_all_are_busy_the_next_one_waits_its_turn(self) -> None:
        with serving(Patience(), most=2) as served:
            busy = [served.connect() for _ in range(2)]
            for each in busy:
                each.sendall(GET.replace(b"/", b"/busy", 1))
            wait_until(lambda: served.worker._requests == 2)
            with served.connect() as late:
                late.sendall(GET)
                wait_until(lambda: not served.door.is_open)
                served.let_go()  # they are answered, and idle from then on
                assert late.recv(65_536).endswith(b"ok")
            for each in busy:
                each.close()


class TestGreed:
    def test_one_that_pipelines_without_end_does_not_shut_others_out(self, served: Served) -> None:
        requests, greedy = 40_000, socket.create_connection(served.address)
        threads = [  # greenlets would let the worker rest
            threading.Thread(target=flood, args=(greedy, requests)),
            threading.Thread(target=lambda: all(iter(lambda: received(greedy), b""))),
        ]
        for thread in threads:
            thread.start()
        with served.connect() as other:
            wait_until(lambda: served.worker.nr > 10)
            other.sendall(GET)
            assert other.recv(65_536).endswith(b"ok")
        assert served.worker.nr < requests / 2
        greedy.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        greedy.close()

    def test_one_that_pipelines_and_reads_nothing_is_cut_off(self, served: Served) -> None:
        with served.connect(4_096) as greedy:
            sending = gevent.spawn(greedy.sendall, GET * 50_000)
            wait_until(lambda: served.worker.nr > 10 and not served.door.pool)
            assert served.worker.nr < 10_000
            sending.kill()

    def test_one_that_says_goodbye_behind_its_request_gets_its_answer(self, served: Served) -> None:
        with served.connect() as client:
            client.sendall(GET)
            client.shutdown(socket.SHUT_WR)
            assert rest(client).endswith(b"ok")
        wait_until(lambda: not served.door.pool)

    @pytest.mark.parametrize("sent", [b"", b"GET /", post(length=99) + b"x", post() + b"5\r\nx"])
    def test_one_that_resets_leaves_nothing(self, served: Served, sent: bytes) -> None:
        client = served.connect()
        client.sendall(sent)
        wait_until(lambda: len(served.door.pool) == 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        wait_until(lambda: not served.door.pool)
        waits = served.worker._waits
        assert not any((waits.fresh, waits.idle, waits.heads, waits.bodies))
