"""What clients that send slowly get of a worker: real ones, on real sockets, with limits that are short."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import gevent
import orjson
import pytest

from gateway.server.patience import TimeLimits
from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import GET, LIMIT, SHORT, SOON, Served, post, rest, serving
from tests.timing import within


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


def error_of(answer: bytes) -> tuple[bytes, str]:
    """Status and code of an answer after which the connection is closed."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    if b"transfer-encoding: chunked" in head.lower():
        body = body.split(b"\r\n")[1]
    return head.split()[1], orjson.loads(body)["error"]["code"]


def idle_for(served: Served) -> float:
    """Seconds since the one client's last answer."""
    waits = served.connections.waits
    return max((waits.now() - since for since in waits.idle.values()), default=0.0)


class TestHeads:
    def test_of_whom_nothing_comes_is_closed_without_a_word(self, served: Served) -> None:
        began = time.monotonic()
        with served.connect() as client:
            assert rest(client) == b""
        assert time.monotonic() - began < SOON

    @pytest.mark.parametrize("before", [b"", GET], ids=["fresh", "kept"])
    def test_a_drip_of_bytes_extends_nothing(self, before: bytes) -> None:
        with serving(replace(SHORT, idle=5)) as served, served.connect() as client:
            if before:
                client.sendall(before)
                assert client.recv(65_536).endswith(b"ok")
                wait_until(lambda: idle_for(served) > 1.5 * SHORT.head)  # which is no part of the head's time
            began = time.monotonic()
            answer = drip(client, b"GET /" + b"x" * 4_000, 0.02)
        assert SHORT.head / 2 < time.monotonic() - began < SOON
        assert error_of(answer) == (b"408", "request_timeout")

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
        limits = TimeLimits()
        moments = [second / 10 for second in range(int(seconds * 10))]
        assert not any(limits.is_too_slow(moment, int(moment * 1_250_000)) for moment in moments)
        assert seconds < limits.body

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
        with within(1), served.connect() as client:
            client.sendall(post() + body)
            assert error_of(rest(client)) == (b"400", "incomplete_body")

    def test_others_are_served_between_the_chunks_of_one(self, served: Served) -> None:
        greedy = served.connect()
        with greedy, served.connect() as other:
            sending = gevent.spawn(greedy.sendall, post() + (b"40\r\n" + b"x" * 64 + b"\r\n") * 4_600 + b"0\r\n\r\n")
            wait_until(lambda: served.connections.requests == 1)
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
            assert not served.acceptor.pool
            assert time.monotonic() - began < SOON
