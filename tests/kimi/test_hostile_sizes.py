"""Whatever an upstream sends without end, or in one piece, is given up in time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kimi.accounts import Kind
from kimi.errors import BrokenAnswer
from kimi.upstreams import envelopes, sse
from kimi.upstreams.reading import MAX_ANSWER_BYTES, batches
from tests.kimi.hostile import READERS, ended, framed
from tests.timing import within


@dataclass
class Flood:
    """One chunk again and again, which says how many were taken."""

    chunk: bytes
    taken: int = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += len(self.chunk)
            yield self.chunk


@pytest.mark.parametrize(
    ("kind", "chunk"),
    [
        (Kind.CLASSIC, b": %b\n\n" % (b"x" * 2_000) * 400),
        (Kind.CLASSIC, b'data: {"event":"ping","view":"%b"}\n\n' % (b"x" * 1_000_000)),
        (Kind.CLASSIC, b'data: {"event":"cmpl","text":"%b"}\n\n' % (b"x" * 1_000_000)),
        (Kind.KIMI, envelopes.encode(b'{"heartbeat":{},"x":"%b"}' % (b"x" * 1_000_000))),
        (Kind.MOONSHOT, b'data: {"choices":[],"usage":null,"x":"%b"}\n\n' % (b"x" * 1_000_000)),
    ],
    ids=["comments", "pings", "text", "heartbeats", "chunks"],
)
def test_an_answer_ends_somewhere(kind: Kind, chunk: bytes) -> None:
    flood = Flood(chunk)
    with pytest.raises(BrokenAnswer, match="longer"):
        deque(batches(flood, READERS[kind]()), maxlen=0)
    assert flood.taken <= MAX_ANSWER_BYTES + len(chunk)


@pytest.mark.parametrize(
    ("kind", "start", "chunk"),
    [
        (Kind.CLASSIC, b"data: ", b"x" * 65_536),
        (Kind.CLASSIC, b"", b"data: x\n" * 8_192),
        (Kind.CLASSIC, b":", b":" * 65_536),
        (Kind.MOONSHOT, b"", b"\r" + b"x" * 65_535),
        (Kind.KIMI, b"\x00\x00\x1f\xff\xff", b"x" * 65_536),
        (Kind.KIMI, b"\x00\xff\xff\xff\xff", b"x"),
        (Kind.KIMI, b"\x01\x00\x00\x00\x09", b"x"),
        (Kind.KIMI, b"\x02\xff\xff\xff\xff", b"x"),
        (Kind.KIMI, b"", b"\x00\x00\x00\x00\x00"),
    ],
    ids=["line", "lines", "comment", "no newline", "message", "4 GB", "compressed", "trailer of 4 GB", "nothing"],
)
def test_one_message_ends_somewhere(kind: Kind, start: bytes, chunk: bytes) -> None:
    flood = Flood(chunk)

    def chunks() -> Iterator[bytes]:
        if start:
            yield start
        yield from flood

    with pytest.raises(BrokenAnswer):
        deque(batches(chunks(), READERS[kind]()), maxlen=0)
    assert flood.taken <= sse.MAX_EVENT_BYTES + 2 * len(chunk)


ROOM = envelopes.MAX_MESSAGE_BYTES - 200
WIDE = {
    "lists": b'{"x":[' + b"[]," * (ROOM // 3) + b"[]]}",
    "objects": b'{"x":[' + b'{"a":{}},' * (ROOM // 9) + b"1]}",
    "keys": b"{" + b",".join(b'"k%06x":1' % number for number in range(ROOM // 12)) + b"}",
    "mask": b'{"mask":"' + b"a." * (ROOM // 2) + b'","chat":{}}',
    "delta": b'{"choices":[{"delta":{%b}}]}' % b",".join(b'"k%06x":1' % number for number in range(ROOM // 12)),
    "choices": b'{"choices":[' + b'{"delta":{"x":1}},' * (ROOM // 18) + b'{"delta":{}}]}',
    "tree": b'{"x":' + b"[[[[" * 50_000 + b"]]]]" * 50_000 + b"}",
    "texts": b'{"event":"cmpl","text":"' + b"\\u0000" * (ROOM // 6) + b'"}',
    "error": b'{"error":{"message":"' + b"eyJ" * (ROOM // 3) + b'"}}',
    "cards": b'{"event":"ref_docs","ref_cards":[' + b'{"url":"http://a"},' * (ROOM // 20) + b"{}]}",
}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", WIDE)
def test_one_message_keeps_nobody_waiting_for_long(kind: Kind, name: str) -> None:
    stream = framed(kind, WIDE[name])
    assert len(stream) <= envelopes.MAX_MESSAGE_BYTES + 200

    with within(2):  # a tenth of a second, but for collections of garbage
        ended(kind, WIDE[name])
