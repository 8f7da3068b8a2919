"""Which connections are used again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from gateway.breathing import breathe
from gateway.http1 import Client
from gateway.http1.idle import IDLE_SECONDS, Idle
from gateway.http1.wire import Wire
from kimi.errors import Unreachable
from kimi.http import request
from tests.gateway.scripted import wait_until
from tests.kimi.loopback import Peer, Server, ok

EVIL = b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"evil"'


def get(client: Client, url: str, **headers: str) -> object:
    return request(client, "GET", url, headers=headers, timeout=5).json()


def served(server: Server, client: Client, times: int = 2) -> int:
    """How many connections it takes to ask so often."""
    for _ in range(times):
        assert get(client, server.url) == "good"
    client.close()
    return server.connections


def answering(*portions: bytes) -> Callable[[Peer], None]:
    def handle(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(*portions)

    return handle


@pytest.mark.parametrize(
    "answer",
    [
        ok(b'"good"'),
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n"good"\r\n0\r\n\r\n',
        b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b'"good"'),
        b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 6\r\n\r\n"good"',
    ],
)
def test_a_connection_is_used_again_after_a_whole_answer(client: Client, answer: bytes) -> None:
    with Server(answering(answer)) as server:
        assert served(server, client, times=3) == 1


@pytest.mark.parametrize(
    "answer",
    [
        ok(b'"good"', "Connection: close"),
        b'HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\n"good"',
        ok(b'"good"') + EVIL,
        ok(b'"good"') + b"\x00",
    ],
)
def test_a_connection_is_not_used_again_when_it_is_to_end_or_more_lies_behind_the_answer(
    client: Client, answer: bytes
) -> None:
    with Server(answering(answer)) as server:
        assert served(server, client) == 2


def test_what_comes_between_two_requests_is_nobodys_answer(client: Client) -> None:
    said, asked = threading.Event(), threading.Event()

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(ok(b'"good"'))
        assert asked.wait(5)
        peer.send(EVIL)
        said.set()
        peer.wait_closed()

    with Server(handle) as server:
        assert get(client, server.url) == "good"
        asked.set()
        assert said.wait(5)
        assert get(client, server.url) == "good"
        client.close()
        assert server.connections == 2


def test_a_connection_that_the_server_closed_is_not_used(client: Client) -> None:
    closed = threading.Event()

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(ok(b'"good"'))
        peer.sock.close()
        closed.set()

    with Server(handle) as server:
        assert get(client, server.url) == "good"
        assert closed.wait(5)
        assert get(client, server.url) == "good"
        client.close()
        assert server.connections == 2


def test_a_request_can_have_a_connection_of_its_own(client: Client) -> None:
    with Server(answering(ok(b'"good"'))) as server:
        get(client, server.url)
        get(client, server.url, Connection="close")
        get(client, server.url)
        client.close()
        assert server.connections == 2


def test_side_by_side_each_answer_has_its_connection(client: Client) -> None:
    with Server(answering(ok(b'"good"'))) as server:
        with client.stream("GET", server.url, headers={}, timeout=5) as one:
            assert get(client, server.url) == "good"
            assert b"".join(one.chunks()) == b'"good"'
        assert served(server, client, times=3) == 2


def test_an_answer_that_was_left_says_nothing_more(client: Client) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"go')
        peer.wait_closed()

    with Server(handle) as server:
        with client.stream("GET", server.url, headers={}, timeout=5) as reply:
            chunks = reply.chunks()
            assert next(chunks) == b'"go'
        with pytest.raises(Unreachable, match="left"):
            next(chunks)


@pytest.fixture
def pairs() -> Iterator[Callable[[], tuple[Wire, socket.socket]]]:
    others: list[socket.socket] = []

    def make() -> tuple[Wire, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        others.append(theirs)
        return Wire(ours), theirs

    yield make
    for other in others:
        other.close()


def is_closed(other: socket.socket) -> bool:
    other.settimeout(0)
    try:
        return other.recv(1) == b""
    except ConnectionResetError:  # with something unread
        return True
    except BlockingIOError:
        return False


Pairs = Callable[[], tuple[Wire, socket.socket]]


def test_the_newest_is_used_first_and_the_old_ones_end(pairs: Pairs) -> None:
    now = 0.0
    idle = Idle(lambda: now)
    (old, other), (young, _) = pairs(), pairs()
    idle.put("a", old)
    now = 5.0
    idle.put("a", young)
    now = IDLE_SECONDS + 1
    assert idle.take("a") is young
    assert not is_closed(other)
    idle.put("b", young)  # looks at those of other places, too
    assert is_closed(other)
    assert idle.take("a") is None
    idle.close()


def test_one_that_is_too_old_is_not_used(pairs: Pairs) -> None:
    now = 0.0
    idle = Idle(lambda: now)
    wire, other = pairs()
    idle.put("a", wire)
    now = IDLE_SECONDS
    assert idle.take("a") is None
    assert is_closed(other)


def test_no_more_are_kept_than_may_be(pairs: Pairs) -> None:
    idle = Idle(lambda: 0.0, most=1)
    (one, _), (two, other) = pairs(), pairs()
    idle.put("a", one)
    idle.put("b", two)
    assert is_closed(other)
    assert idle.take("b") is None
    assert idle.take("a") is one
    idle.put("b", one)
    assert idle.take("b") is one
    one.close()


@pytest.mark.parametrize("comes", [lambda other: other.sendall(b"x"), lambda other: other.shutdown(socket.SHUT_WR)])
def test_one_that_is_not_quiet_any_more_ends_at_once(pairs: Pairs, comes: Callable[[socket.socket], None]) -> None:
    idle = Idle(lambda: 0.0, most=2)
    (one, quiet), (two, other), (three, _) = pairs(), pairs(), pairs()
    idle.put("a", one)
    idle.put("a", two)
    comes(other)
    wait_until(lambda: is_closed(other))
    idle.put("a", three)  # there is room again
    assert idle.take("a") is three
    assert idle.take("a") is one
    assert not is_closed(quiet)
    one.close()
    three.close()


def test_what_is_used_again_is_not_closed_by_what_comes_then(pairs: Pairs) -> None:
    idle = Idle(lambda: 0.0)
    wire, other = pairs()
    idle.put("a", wire)
    assert idle.take("a") is wire
    other.sendall(b"x")
    breathe()
    assert wire.peek() == b"x"
    wire.close()
