"""Envelopes of the Connect protocol, and the dialect that comes in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fuzz import readers
from fuzz.corpus import DATA
from fuzz.pieces import ways
from kimi.errors import BrokenAnswer
from kimi.upstreams import connect_reader
from kimi.upstreams.envelopes import MAX_MESSAGE_BYTES, Decoder
from tests.kimi.plain_decoders import Envelopes, envelopes

WORDS: Final = (
    *(b"\0\0\0\0\2{}", b"\2\0\0\0\2{}", b'"op"', b'"mask"', b'"append"', b'"set"', b'"block.text.content"', b'"block"'),
    *(b'"text"', b'"think"', b'"content"', b'"message"', b'"role"', b'"assistant"', b'"status"', b'"chat"', b'"done"'),
    *(b'"heartbeat"', b'"error"', b'"exception"', b'"tool"', b'"contents"', b'"searchResult"', b'"refs"', b'"base"'),
    *(b'"MESSAGE_STATUS_COMPLETED"', b'"details"', b'"debug"', b'"reason"', b'"toolCallId"'),
)


def seeds() -> Iterable[bytes]:
    """Recorded answers, cut somewhere, with the usual limit."""
    return (b"\7\0" + path.read_bytes() for path in sorted(DATA.glob("connect-*.bin")))


def check(data: bytes) -> None:
    """The first byte says how the stream behind the second is cut, that one how long a message may be."""
    seed, limit, stream = *data[:2].ljust(2, b"\0"), data[2:]
    limit = limit or MAX_MESSAGE_BYTES
    expected = envelopes(stream, limit)
    for pieces in ways(stream, seed):
        found = _decoded(pieces, limit)
        assert found == expected, f"{found}, not {expected}"
    readers.check(connect_reader.Reader, stream, seed)
    readers.check(lambda drift: connect_reader.Reader(drift, "chat"), stream, seed)


def _decoded(pieces: Sequence[bytes], limit: int) -> Envelopes:
    decoder = Decoder(limit)
    found = Envelopes([bytes(message) for piece in pieces for message in decoder.feed(piece)])
    try:
        found.trailer = bytes(decoder.trailer())
    except BrokenAnswer:
        found.is_broken = decoder.is_over  # otherwise more could come
    return found
