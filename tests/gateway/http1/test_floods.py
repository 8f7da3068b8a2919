"""An upstream that floods keeps nobody else waiting: others have their turn at each read."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import pairwise

import gevent
import pytest

from gateway.http1 import Client
from kimi.errors import KimiError
from kimi.upstreams import classic_reader, connect_reader, envelopes, moonshot_reader
from kimi.upstreams.drift import Drift
from kimi.upstreams.reading import Reader, batches
from tests.kimi.loopback import Peer, Server

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
BOUND = 0.05
"""Seconds of CPU of this thread, whatever else runs on the machine; it takes a fifth of that."""


def packed(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return deflate.compress(data) + deflate.flush()


def flooding(head: bytes, body: bytes) -> Server:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD + head + b"\r\n", body)

    return Server(handle)


@pytest.mark.parametrize(
    ("reader", "head", "body"),
    [
        (classic_reader.Reader, b"", b"data:{}\n\n" * 80_000),
        (classic_reader.Reader, b"", b":\n\n" * 250_000),
        (connect_reader.Reader, b"", envelopes.encode(b"{}") * 100_000),
        (moonshot_reader.Reader, b"", b"data:{}\n\n" * 80_000),
        (classic_reader.Reader, b"Content-Encoding: gzip\r\n", packed(b":\n\n" * 250_000)),
    ],
    ids=["classic", "comments", "connect", "moonshot", "compressed"],
)
def test_others_have_their_turn(client: Client, reader: Callable[[Drift], Reader], head: bytes, body: bytes) -> None:
    turns: list[float] = []

    def read(url: str) -> int:
        with client.stream("GET", url, headers={}, timeout=20) as reply:
            taken = 0
            with suppress(KimiError):  # it has no end
                for _ in batches(reply.chunks(), reader(Drift())):
                    taken += 1
        return taken

    with flooding(head, body) as server, closing(gevent.get_hub().loop.timer(0.001, 0.001)) as other:
        other.start(lambda: turns.append(time.thread_time()))
        reads = gevent.spawn(read, server.url).get(timeout=60)
    assert reads > 20 and len(turns) > 20
    assert max(later - sooner for sooner, later in pairwise(turns)) < BOUND
