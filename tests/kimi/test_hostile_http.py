"""A server that sends without end, or hardly at all, hangs nobody and fills no memory, whoever reads its answer."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from itertools import repeat

import pytest

from gateway.http1 import Client
from kimi.errors import BrokenAnswer, Unreachable, UpstreamError, UpstreamTimeout
from kimi.http import Http, Transport, request
from kimi.http.calls import MAX_ERROR_BYTES
from tests.kimi.loopback import Peer, Received, Server, ok

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
BLOCK = 8192


@pytest.fixture(params=[Transport, Client])
def http(request: pytest.FixtureRequest) -> Iterator[Http]:
    """Both that keep the contract."""
    http: Transport | Client = request.param(connect_timeout=5)
    yield http
    http.close()


def sending(start: bytes, more: bytes = b"", pause: float = 0.0) -> Server:
    """A server that says `start` and then `more` again and again, with pauses between, until the other end leaves."""

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        for piece in repeat(more) if more else ():
            peer.send(piece)
            time.sleep(pause)
        peer.wait_closed()

    return Server(handle)


def called(http: Http, server: Server, *, timeout: float = 20) -> bytes:
    return request(http, "GET", server.url, headers={"Authorization": "Bearer eyJ"}, timeout=timeout).body


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 ", b"O" * BLOCK),
        (OK + b"X: ", b"x" * BLOCK),
        (OK, b"a:\r\n" * 2048),
        (OK, b"a: " + b"x" * BLOCK + b"\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 256),
        (b"", b"HTTP/1.1 100 Continue\r\nX: " + b"x" * BLOCK + b"\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 256),
        (CHUNKED, b"0" * BLOCK),
        (CHUNKED + b"5;", b"x" * BLOCK),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 1024),
        (CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"y" * BLOCK),
    ],
    ids=["status", "value", "names", "headers", "100", "100 with headers", "103", "size", "extension", "trailers",
         "trailer"],
)  # fmt: skip
def test_nothing_but_a_body_may_be_endless(http: Http, start: bytes, more: bytes) -> None:
    with sending(start, more) as server, pytest.raises(Unreachable):
        called(http, server)


def test_a_body_in_crumbs_is_not_read_to_its_end() -> None:
    with (
        sending(CHUNKED, b"1\r\nx\r\n" * 1024) as server,
        Transport().stream("GET", server.url, headers={}, timeout=20) as reply,
        pytest.raises(Unreachable),
    ):
        for _ in reply.chunks():
            pass


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (OK + b"Connection: close\r\n\r\n", b"x" * BLOCK),
        (OK + b"Content-Length: 999999999999\r\n\r\n", b"x" * BLOCK),
        (CHUNKED, b"2000\r\n" + b"x" * BLOCK + b"\r\n"),
        (PACKED + gzip.compress(bytes(8_000_000)), b""),
        (PACKED, gzip.compress(bytes(3_000_000))),
    ],
    ids=["until closed", "sized", "chunked", "bomb", "bombs"],
)
def test_a_body_is_not_read_beyond_its_limit(http: Http, start: bytes, more: bytes) -> None:
    with sending(start, more) as server, pytest.raises(UpstreamError) as raised:
        called(http, server)
    assert isinstance(raised.value, BrokenAnswer | Unreachable)


@pytest.mark.parametrize("status", [b"302 Found", b"401 Unauthorized", b"429 Slow", b"500 Oops"])
def test_of_a_failure_no_more_is_read_than_its_beginning(http: Http, status: bytes) -> None:
    with sending(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n", b"x" * BLOCK) as server:
        answer = request(http, "GET", server.url, headers={}, timeout=20)

    assert (answer.status, len(answer.body)) == (int(status[:3]), MAX_ERROR_BYTES)


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"HTTP/1.1 200 ", b"O"),
        (OK + b"X: ", b"x"),
        (OK, b"a:\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED + b"2\r\n{}\r\n", b"0"),
        (CHUNKED + b"2\r\n{}\r\n1;", b"x"),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
        (OK + b"Content-Length: 99\r\n\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (PACKED + gzip.compress(b"")[:10], b"\x00\x00\x00\xff\xff"),
    ],
    ids=["status", "value", "headers", "100", "size", "extension", "trailers", "sized", "chunks", "empty blocks"],
)
def test_a_drip_lasts_no_longer_than_the_time_for_a_call(http: Http, start: bytes, drop: bytes) -> None:
    began = time.monotonic()
    with sending(start, drop, pause=0.02) as server, pytest.raises(UpstreamTimeout):
        called(http, server, timeout=0.3)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints", b"199 Odd"])
def test_an_interim_answer_is_none(http: Http, interim: bytes) -> None:
    def handle(peer: Peer) -> None:
        for body in (b'"one"', b'"two"'):
            peer.request()
            peer.send(b"HTTP/1.1 " + interim + b"\r\nLink: x\r\n\r\n" + ok(body))

    with Server(handle) as server:
        assert [called(http, server) for _ in range(2)] == [b'"one"', b'"two"']


@pytest.mark.parametrize("status", [b"101 Switching Protocols", b"099 What", b"000 No"])
def test_a_status_that_nobody_asked_for_is_no_answer(http: Http, status: bytes) -> None:
    with sending(b"HTTP/1.1 " + status + b"\r\n\r\n{}") as server, pytest.raises(Unreachable):
        called(http, server, timeout=5)


LEADING = b"""Location: URL\r
Content-Location: URL\r
Refresh: 0; url=URL\r
Link: <URL>; rel=preload\r
Alt-Svc: h2="URL"\r
Set-Cookie: a=b\r
Content-Length: 0\r
\r
"""


@pytest.mark.parametrize("status", [b"301", b"302", b"303", b"307", b"308"])
def test_nobody_is_led_elsewhere_and_no_cookie_comes_back(http: Http, status: bytes) -> None:
    elsewhere: list[Received] = []
    seen: list[Received] = []
    with Server(lambda peer: elsewhere.append(peer.request())) as other:
        answer = b"HTTP/1.1 " + status + b" Moved\r\n" + LEADING.replace(b"URL", other.url.encode())

        def handle(peer: Peer) -> None:
            for _ in range(2):
                seen.append(peer.request())
                peer.send(answer)

        with Server(handle) as server:
            assert [called(http, server) for _ in range(2)] == [b"", b""]

    assert elsewhere == [] and [("cookie" in each.headers) for each in seen] == [False, False]


@pytest.mark.parametrize(
    ("lies", "error"),
    [
        (b"Content-Length: -5\r\n", Unreachable),
        (b"Content-Length: 5\r\nContent-Length: 7\r\n", Unreachable),
        (b"Content-Length: 0x5\r\n", Unreachable),
        (b"Content-Length: 7\r\n", UpstreamTimeout),  # two bytes never come
        (b"Content-Length: +5, 5\r\n", Unreachable),
        (b"Transfer-Encoding: gzip, chunked\r\n", Unreachable),
        (b"Transfer-Encoding: identity, chunked\r\n", Unreachable),
        (b"Transfer-Encoding: x\r\nContent-Length: 5\r\n", Unreachable),
    ],
)
def test_lies_about_the_length_are_no_answer(lies: bytes, error: type[UpstreamError]) -> None:
    client = Client(connect_timeout=5)
    with sending(OK + lies + b"\r\nhello") as server, pytest.raises(error):
        called(client, server, timeout=0.2)
    client.close()


@pytest.mark.parametrize(
    ("start", "more", "pause", "error"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 200 + b"\r\n", 0, Unreachable),
        (b"HTTP/1.1 200 ", b"O" * BLOCK, 0, Unreachable),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 256, 0, Unreachable),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.02, UpstreamError),
        (b"HTTP/1.1 407 No\r\nContent-Length: 99999999\r\n\r\n", b"x" * BLOCK, 0, Unreachable),
    ],
    ids=["headers", "status", "100", "drip", "refusal"],
)
@pytest.mark.parametrize("kind", [Transport, Client])
def test_a_proxy_cannot_talk_for_ever_either(
    kind: type[Transport | Client], start: bytes, more: bytes, pause: float, error: type[UpstreamError]
) -> None:
    http = kind(connect_timeout=0.5)
    began = time.monotonic()
    with sending(start, more, pause) as proxy, pytest.raises(error):
        request(http, "GET", "https://kimi.example/", headers={}, proxy=proxy.url, timeout=2)
    http.close()
    assert time.monotonic() - began < 5
