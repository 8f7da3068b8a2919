from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from gateway.http1 import Client
from kimi.errors import BrokenAnswer, KimiError, Unreachable, UpstreamTimeout
from kimi.http import Transport, read, request
from tests.kimi.loopback import Peer, Received, Server, ok, refused_port

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ROOT = Path(__file__).parents[2]
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.fixture(params=[Transport, Client])
def transport(request: pytest.FixtureRequest) -> Iterator[Transport | Client]:
    """Both that keep the contract."""
    transport: Transport | Client = request.param(connect_timeout=5)
    yield transport
    transport.close()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def replying(*pieces: bytes) -> Server:
    """A server that answers each request of a connection with the same bytes, then closes."""

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(*pieces)

    return Server(handle)


def test_a_call_sends_what_it_is_told_and_nothing_of_the_environment(
    transport: Transport | Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{refused_port()}")
    seen: list[Received] = []

    def handle(peer: Peer) -> None:
        seen.append(peer.request())
        peer.send(ok(b'{"a":"\xe4\xbd\xa0"}', "Content-Type: application/json", "X-One: 1"))

    with Server(handle) as server:
        answer = request(transport, "POST", f"{server.url}/a/b?c=d", headers={"X-Two": "2"}, content=b"{}", timeout=5)

    assert (answer.status, answer.json(), answer.headers["x-one"]) == (200, {"a": "你"}, "1")
    assert seen[0].line == "POST /a/b?c=d HTTP/1.1"
    assert seen[0].body == b"{}"
    assert seen[0].headers["x-two"] == "2"
    assert "python" not in seen[0].headers["user-agent"]


class Halves:
    """A body in two pieces."""

    def __len__(self) -> int:
        return 10

    def __iter__(self) -> Iterator[bytes]:
        yield b"hello"
        yield b"world"


def test_a_body_can_come_in_pieces_and_be_sent_again(transport: Transport | Client) -> None:
    seen: list[Received] = []

    def handle(peer: Peer) -> None:
        for _ in range(2):
            seen.append(peer.request())
            peer.send(ok(b"{}"))

    body = Halves()
    with Server(handle) as server:
        for _ in range(2):
            request(transport, "PUT", server.url, headers={}, content=body, timeout=5)
    assert [received.body for received in seen] == [b"helloworld"] * 2
    assert {"content-length": "10"}.items() <= seen[0].headers.items()
    assert "transfer-encoding" not in seen[0].headers


def test_connections_are_reused(transport: Transport | Client) -> None:
    def handle(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(ok(b"{}"))

    with Server(handle) as server:
        for _ in range(3):
            request(transport, "GET", server.url, headers={}, timeout=5)
        transport.close()
        assert server.connections == 1


def test_cookies_of_one_account_never_reach_another(transport: Transport | Client) -> None:
    seen: list[Received] = []

    def handle(peer: Peer) -> None:
        while True:
            seen.append(peer.request())
            peer.send(ok(b"{}", "Set-Cookie: session=alice"))

    with Server(handle) as server:
        for _ in range(2):
            request(transport, "GET", server.url, headers={}, timeout=5)
        transport.close()

    assert [received.headers.get("cookie") for received in seen] == [None, None]


def test_a_redirect_is_not_followed(transport: Transport | Client) -> None:
    with replying(
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    ) as server:
        answer = request(transport, "POST", server.url, headers={"Authorization": "Bearer x"}, timeout=5)

    assert (answer.status, answer.headers["Location"]) == (307, "http://127.0.0.1:1/")


@pytest.mark.parametrize("framing", ["chunked", "close-delimited", "sized", "gzip"])
def test_a_piece_is_there_at_once(transport: Transport | Client, framing: str) -> None:
    first_read, packed = threading.Event(), gzip.compress(b"onetwo")
    answers = {
        "chunked": (CHUNKED + chunk(b"one"), chunk(b"two") + b"0\r\n\r\n"),
        "close-delimited": (UNTIL_CLOSED + b"one", b"two"),
        "sized": (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none", b"two"),
        # Whatever of it the compressor has given away.
        "gzip": (
            CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + chunk(packed[:-10]),
            chunk(packed[-10:]) + b"0\r\n\r\n",
        ),
    }

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(answers[framing][0])
        assert first_read.wait(10)
        peer.send(answers[framing][1])

    with Server(handle) as server, transport.stream("GET", server.url, headers={}, timeout=5) as reply:
        chunks = reply.chunks()
        received = next(chunks)
        first_read.set()
        assert received
        assert received + b"".join(chunks) == b"onetwo"


@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED + b"5\r\nab",
        CHUNKED + chunk(b"ab"),
        CHUNKED + chunk(b"ab") + b"zz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab",
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + chunk(b"no gzip") + b"0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_breaks_off_is_not_taken_for_whole(transport: Transport | Client, answer: bytes) -> None:
    with replying(answer) as server, pytest.raises(Unreachable) as raised:
        request(transport, "GET", server.url, headers={}, timeout=5)
    assert raised.value.sent


def test_a_reset_in_the_middle(transport: Transport | Client) -> None:
    got_one = threading.Event()

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED, chunk(b"one"))
        assert got_one.wait(10)
        peer.reset()

    with Server(handle) as server, transport.stream("GET", server.url, headers={}, timeout=5) as reply:
        chunks = reply.chunks()
        assert next(chunks) == b"one"
        got_one.set()
        with pytest.raises(Unreachable):
            next(chunks)


def test_nobody_listens(transport: Transport | Client) -> None:
    port = refused_port()

    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}: ConnectionRefusedError") as raised:
        request(transport, "GET", f"http://127.0.0.1:{port}/secret", headers={}, timeout=5)
    assert not raised.value.sent


def test_silence_before_the_answer_and_inside_it(transport: Transport | Client) -> None:
    def silent(peer: Peer) -> None:
        peer.request()
        peer.wait_closed()

    def stuck(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED, chunk(b"one"))
        peer.wait_closed()

    for handle in (silent, stuck):
        with Server(handle) as server, pytest.raises(UpstreamTimeout) as raised:
            request(transport, "GET", server.url, headers={}, timeout=0.1)
        assert raised.value.sent


class Trickle:
    """An answer that comes byte by byte."""

    status = 200
    headers: Mapping[str, str] = MappingProxyType({})

    def arriving(self) -> Iterator[None]:
        return iter(())

    def chunks(self) -> Iterator[bytes]:
        yield from (b"a", b"b", b"c")


def test_a_trickle_does_not_outlast_the_timeout_of_a_call() -> None:
    clock = iter([0.0, 1.0, 6.0])

    with pytest.raises(UpstreamTimeout, match="longer than 5 s"):
        read(Trickle(), timeout=5, clock=lambda: next(clock))


@pytest.mark.parametrize("kind", ["kimi.http.Transport", "gateway.http1.Client"])
def test_greenlets_wait_for_the_upstream_side_by_side(kind: str) -> None:
    everyone_is_here = threading.Barrier(20)

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED, chunk(b"one"))
        everyone_is_here.wait(10)
        peer.send(chunk(b"two"), b"0\r\n\r\n")

    with Server(handle) as server:
        done = subprocess.run(
            [sys.executable, "-c", GREENLETS, str(server.port), *kind.rsplit(".", 1)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.stdout, done.stderr) == ("onetwo " * 20, "")


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys
from importlib import import_module
import gevent
from kimi.http import request

transport = getattr(import_module(sys.argv[2]), sys.argv[3])()
url = f"http://127.0.0.1:{sys.argv[1]}/"
jobs = [gevent.spawn(request, transport, "GET", url, headers={}, timeout=10) for _ in range(20)]
for job in jobs:
    print(job.get().body.decode(), end=" ")
"""


def test_a_body_without_end_is_given_up(transport: Transport | Client) -> None:
    with replying(UNTIL_CLOSED + b"x" * 1001) as server, pytest.raises(BrokenAnswer, match="1000 bytes"):
        request(transport, "GET", server.url, headers={}, timeout=5, limit=1000)


def test_a_body_that_is_no_json_says_so(transport: Transport | Client) -> None:
    with replying(ok(b"<html>")) as server:
        answer = request(transport, "GET", server.url, headers={}, timeout=5)

    with pytest.raises(BrokenAnswer, match="not JSON"):
        answer.json()


def test_leaving_a_stream_closes_its_connection_and_the_next_gets_a_clean_one(transport: Transport | Client) -> None:
    left = threading.Event()

    def handle(peer: Peer) -> None:
        received = peer.request()
        if received.line.startswith("GET /half"):
            peer.send(CHUNKED, chunk(b"one"), chunk(b"rest of the first answer"))
            peer.wait_closed()
            left.set()
        else:
            peer.send(ok(b'"clean"'))

    with Server(handle) as server:
        with transport.stream("GET", f"{server.url}/half", headers={}, timeout=5) as reply:
            next(iter(reply.chunks()))
        assert left.wait(5)
        assert request(transport, "GET", f"{server.url}/whole", headers={}, timeout=5).json() == "clean"
        assert server.connections == 2


HELLO = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def test_the_end_of_an_answer_that_was_read_is_waited_for(transport: Transport | Client) -> None:
    leaving = threading.Event()

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(HELLO)
        assert leaving.wait(5)
        peer.send(b"0\r\n\r\n")
        peer.request()
        peer.send(ok(b'"next"'))

    with Server(handle) as server:
        with transport.stream("GET", server.url, headers={}, timeout=5) as reply:
            assert next(reply.chunks()) == b"hello"
            leaving.set()
        assert request(transport, "GET", server.url, headers={}, timeout=5).json() == "next"
        assert server.connections == 1


def test_an_end_that_does_not_come_is_not_waited_for_long(transport: Transport | Client) -> None:
    closed = threading.Event()

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(HELLO)
        peer.wait_closed()
        closed.set()

    with Server(handle) as server:
        with transport.stream("GET", server.url, headers={}, timeout=600) as reply:
            assert next(reply.chunks()) == b"hello"
        assert closed.wait(5)


def test_closing_the_generator_that_holds_the_stream_closes_the_connection(transport: Transport | Client) -> None:
    left = threading.Event()

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED, chunk(b"one"))
        peer.wait_closed()
        left.set()

    def pieces(url: str) -> Iterator[bytes]:
        with transport.stream("GET", url, headers={}, timeout=5) as reply:
            yield from reply.chunks()

    with Server(handle) as server:
        stream = pieces(server.url)
        assert next(stream) == b"one"
        stream.close()  # type: ignore[attr-defined]
        assert left.wait(5)


@pytest.mark.parametrize(
    ("url", "headers", "proxy"),
    [
        ("http://127.0.0.1:1:2/", {}, None),
        ("nowhere", {}, None),
        ("http://127.0.0.1/", {"Authorization": "Bearer \u4f60secret"}, None),
        ("http://127.0.0.1/", {"Authorization": "Bearer a\r\nX: secret"}, None),
        ("http://127.0.0.1/", {}, "socks9://user:secret@127.0.0.1:1"),
        ("http://127.0.0.1/", {}, "http://user:secret@127.0.0.1:1:1"),
    ],
)
def test_what_cannot_be_sent_is_said_without_secrets(
    transport: Transport | Client, url: str, headers: dict[str, str], proxy: str | None
) -> None:
    with pytest.raises(KimiError) as raised:
        request(transport, "GET", url, headers=headers, proxy=proxy, timeout=5)

    assert "secret" not in str(raised.value)
    assert isinstance(raised.value, Unreachable)
