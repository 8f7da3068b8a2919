"""How requests go out, and what ends them early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway.http1 import Client
from kimi.errors import Unreachable, UpstreamTimeout
from kimi.http import request
from tests.kimi.loopback import Peer, Received, Server, ok

LARGE = bytes(range(256)) * 32_768  # 8 MB, more than the system takes on
REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"


@dataclass
class Parts:
    """A body in pieces that says to have `size` bytes."""

    size: int
    pieces: tuple[bytes, ...]

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)


@pytest.mark.parametrize("content", [LARGE, Parts(len(LARGE), (LARGE[:1], b"", LARGE[1:]))], ids=["whole", "pieces"])
def test_a_body_that_is_larger_than_what_fits_at_once_arrives(client: Client, content: bytes | Parts) -> None:
    seen: list[Received] = []

    def handle(peer: Peer) -> None:
        for _ in range(2):
            seen.append(peer.request())
            peer.send(b"HTTP/1.1 102 Processing\r\n\r\n", ok(b"{}"))

    with Server(handle) as server:
        for _ in range(2):
            request(client, "PUT", server.url, headers={}, content=content, timeout=10)
        client.close()
        assert server.connections == 1
    assert [received.body == LARGE for received in seen] == [True, True]


def test_head_and_body_go_out_together(client: Client) -> None:
    together: list[bytes] = []

    def handle(peer: Peer) -> None:
        together.append(peer.sock.recv(65536))
        peer.send(ok(b"{}"))

    with Server(handle) as server:
        request(client, "POST", server.url, headers={}, content=b'{"a":1}', timeout=5)
        client.close()
    assert together[0].endswith(b'\r\nContent-Length: 7\r\n\r\n{"a":1}')


@pytest.mark.parametrize("content", [LARGE, Parts(len(LARGE), (LARGE,))], ids=["whole", "pieces"])
def test_an_answer_may_come_before_all_was_sent(client: Client, content: bytes | Parts) -> None:
    read = threading.Event()

    def handle(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n", REFUSAL)
        assert read.wait(10)

    with Server(handle) as server:
        for _ in range(2):
            answer = request(client, "PUT", server.url, headers={}, content=content, timeout=10)
            assert (answer.status, answer.body) == (413, b"big")
        read.set()
        assert server.connections == 2


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"nonsense\r\n"])
def test_a_server_may_close_before_all_was_sent(client: Client, says: bytes) -> None:
    def handle(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        peer.send(says)

    with Server(handle) as server, pytest.raises(Unreachable) as raised:
        request(client, "PUT", server.url, headers={}, content=LARGE, timeout=10)
    assert raised.value.sent


def test_a_server_that_takes_nothing_is_not_waited_for_for_ever(client: Client) -> None:
    late = threading.Event()

    def handle(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        assert late.wait(10)

    with Server(handle) as server:
        with pytest.raises(UpstreamTimeout) as raised:
            request(client, "PUT", server.url, headers={}, content=LARGE, timeout=0.1)
        late.set()
    assert raised.value.sent


@pytest.mark.parametrize("pieces", [(b"abc",), (b"abc", b"def"), ()])
def test_a_body_is_as_long_as_it_says(client: Client, pieces: tuple[bytes, ...]) -> None:
    def handle(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        peer.wait_closed()

    with Server(handle) as server, pytest.raises(Unreachable, match="as long as it says"):
        request(client, "PUT", server.url, headers={}, content=Parts(5, pieces), timeout=5)


def test_a_request_is_sent_once(client: Client) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(ok(b"{}"))
        peer.request()

    with Server(handle) as server:
        request(client, "POST", server.url, headers={}, content=b"1", timeout=5)
        with pytest.raises(Unreachable, match="without an answer") as raised:
            request(client, "POST", server.url, headers={}, content=b"2", timeout=5)
        assert server.connections == 1
    assert raised.value.sent
