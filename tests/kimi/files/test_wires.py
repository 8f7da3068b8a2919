"""What a server can do to whoever reads its answer: only so much of it, and only for so long."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from kimi.files.targets import NotFetched
from kimi.files.wires import BOUNDS, Hourglass, Timeouts, Wire
from kimi.http.framing import Lines
from tests.kimi.files.test_web import fetched, refused
from tests.kimi.loopback import Peer, Server
from tests.kimi.pool.pools import Clock

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Source(io.RawIOBase):
    """What comes, at most so many bytes at a time; each piece takes a second. It is the socket as well."""

    def __init__(self, content: bytes, clock: Clock, most: int) -> None:
        self._content = io.BytesIO(content)
        self._clock = clock
        self._most = most
        self.waited: list[float] = []

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._clock.now += 1.0
        piece = self._content.read(min(self._most, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)

    def settimeout(self, seconds: float) -> None:
        self.waited.append(seconds)

    def gettimeout(self) -> float:
        return self.waited[-1]


def lines(source: Source, clock: Clock, rest: Callable[[], object] = lambda: None, **timeouts: float) -> Lines:
    return Lines(Wire(source, source, Hourglass(Timeouts(**timeouts), clock), rest), BOUNDS)


def test_a_byte_a_second_comes_to_an_end() -> None:
    clock = Clock()
    source = Source(bytes(100), clock, 1)
    with pytest.raises(NotFetched, match="it took longer than 5 s"):
        lines(source, clock, silence=3.0, whole=5.0).readline()
    assert source.waited == [3.0, 3.0, 3.0, 2.0, 1.0], "nothing is waited for beyond the end"


def test_a_source_that_always_has_more_lets_others_run() -> None:
    clock = Clock()
    turns: list[float] = []
    began = clock.now
    assert lines(Source(bytes(3), clock, 1), clock, lambda: turns.append(clock.now - began)).read() == bytes(3)
    assert turns == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("begin", "ever"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"),
        (b"", b"x"),
        (HEAD, b"X: y\r\n"),
        (HEAD, b"X: " + b"y" * 1000 + b"\r\n"),
        (HEAD + b"X: ", b"y"),
        (CHUNKED, b"1"),
        (CHUNKED + b"1;", b"x"),
        (CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED, b"64\r\n" + b"x" * 100 + b"\r\n"),
    ],
)
def test_no_head_and_no_end_is_endless(begin: bytes, ever: bytes) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(begin)
        while True:
            peer.send(ever * 1000)

    with Server(handle) as server:
        assert refused(f"http://files:{server.port}/") == "the connection to its server broke"


@pytest.mark.parametrize(("size", "number"), [(1, 4_000), (512, 10_000)])
def test_lines_between_pieces_of_content_may_be_many(size: int, number: int) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED, (b"%x;some=extension\r\n%b\r\n" % (size, b"x" * size)) * number, b"0\r\nX: y\r\n\r\n")

    with Server(handle) as server:
        assert fetched(f"http://files:{server.port}/") == b"x" * size * number
