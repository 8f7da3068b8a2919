"""An upstream that floods keeps nobody else waiting: others have their turn at each read."""

from __future__ import annotations

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
    taken, turns = 0, [0]

    def read(url: str) -> None:
        nonlocal taken
        with client.stream("GET", url, headers={}, timeout=20) as reply, suppress(KimiError):  # it has no end
            for _ in batches(reply.chunks(), reader(Drift())):
                taken += 1

    with flooding(head, body) as server, closing(gevent.get_hub().loop.check()) as other:
        other.start(lambda: turns.append(taken))
        gevent.spawn(read, server.url).get(timeout=60)
    assert taken > 20
    assert max(later - sooner for sooner, later in pairwise([*turns, taken])) == 1
