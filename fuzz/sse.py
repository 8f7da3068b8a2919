"""Server-sent events, and the two dialects that speak in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fuzz import readers
from fuzz.corpus import DATA
from fuzz.pieces import ways
from kimi.errors import BrokenAnswer
from kimi.upstreams import classic_reader, moonshot_reader
from kimi.upstreams.classic_sources import Marks
from kimi.upstreams.sse import MAX_EVENT_BYTES, Decoder
from tests.kimi.plain_decoders import events

WORDS: Final = (
    *(b"data: ", b"data:", b"\n\n", b"\r\n", b"event", b"\xef\xbb\xbf", b"[DONE]", b'{"event":"cmpl","text":"x"}'),
    *(b'"all_done"', b'"error"', b'"error_type"', b'"req"', b'"resp"', b'"id"', b'"search_plus"', b'"ref_docs"'),
    *(b'"choices"', b'"delta"', b'"content"', b'"finish_reason"', b'"stop"', b'"tool_calls"', b'"function"'),
    *(b'"arguments"', b'"index"', b'"usage"', b'"prompt_tokens"', b'"reasoning_content"'),
)


def seeds() -> Iterable[bytes]:
    """Recorded answers, cut somewhere, with the usual limit."""
    return (b"\7\0" + path.read_bytes() for path in sorted(DATA.glob("*.sse")))


def check(data: bytes) -> None:
    """The first byte says how the stream behind the second is cut, that one how long an event may be."""
    seed, limit, stream = *data[:2].ljust(2, b"\0"), data[2:]
    decode(stream, seed, limit or MAX_EVENT_BYTES)
    readers.check(lambda drift: classic_reader.Reader(drift, marks=Marks()), stream, seed)
    readers.check(lambda drift: classic_reader.Reader(drift, continues=True, rest=True), stream, seed)
    readers.check(moonshot_reader.Reader, stream, seed)


def decode(stream: bytes, seed: int, limit: int) -> None:
    """Hold what the decoder finds in all ways against what a plain reading does."""
    plain = events(stream, limit)
    if plain.is_close(limit):
        return
    expected = [*plain.complete, *plain.at_end], plain.is_broken_at_end
    for pieces in ways(stream, seed):
        found = _decoded(pieces, limit)
        assert found == expected, f"{found}, not {expected}"


def _decoded(pieces: Sequence[bytes], limit: int) -> tuple[list[bytes], bool]:
    decoder = Decoder(limit)
    found: list[bytes] = []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
        found += decoder.close()
    except BrokenAnswer:
        return found, True
    return found, False
