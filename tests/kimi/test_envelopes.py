from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.errors import BrokenAnswer
from kimi.upstreams.envelopes import Decoder, Message, encode
from tests.timing import within

MESSAGES = [b'{"heartbeat":{}}', '{"text":"你好 🌙"}'.encode(), b"", b"x" * 300]
STREAM = b"".join(map(encode, MESSAGES)) + b"\x02\x00\x00\x00\x02{}"
ENVELOPES = [*MESSAGES, b"{}"]


def decode(*chunks: bytes) -> list[Message]:
    """The messages, and the trailer behind them."""
    decoder = Decoder()
    messages = [message for chunk in chunks for message in decoder.feed(chunk)]
    return [*messages, decoder.trailer()]


def fault(decoder: Decoder, chunk: bytes) -> str:
    """Why the stream is over that has no trailer."""
    assert not decoder.feed(chunk) and decoder.is_over
    with pytest.raises(BrokenAnswer) as raised:
        decoder.trailer()
    return str(raised.value)


def test_a_message_is_wrapped_in_flags_and_length() -> None:
    assert encode(b"{}") == b"\x00\x00\x00\x00\x02{}"
    assert encode(b"x" * 258)[:5] == b"\x00\x00\x00\x01\x02"


def test_the_envelopes_are_the_same_wherever_the_stream_is_cut() -> None:
    assert decode(STREAM) == ENVELOPES
    for position in range(len(STREAM) + 1):
        assert decode(STREAM[:position], STREAM[position:]) == ENVELOPES, position


def test_the_envelopes_are_the_same_byte_by_byte() -> None:
    assert decode(*(bytes([byte]) for byte in STREAM)) == ENVELOPES


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(0, 250), max_size=8))
def test_any_messages_come_through_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(encode, messages)) + b"\x02\x00\x00\x00\x00"
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    envelopes = decode(*(stream[a:b] for a, b in pairwise(edges)))

    assert envelopes == [*messages, b""]


def test_a_stream_without_its_trailer_is_broken_wherever_it_stops() -> None:
    for position in range(len(STREAM)):
        decoder = Decoder()
        decoder.feed(STREAM[:position])
        assert not decoder.is_over
        with pytest.raises(BrokenAnswer, match="cut"):
            decoder.trailer()


def test_nothing_behind_the_trailer_is_looked_at() -> None:
    assert decode(STREAM + b"\xff" * 9) == decode(STREAM + encode(b"{}")) == ENVELOPES
    assert decode(STREAM, encode(b"{}")) == decode(*STREAM.partition(b"{}"), encode(b"{}")) == ENVELOPES


def test_what_came_before_something_broken_is_not_lost() -> None:
    decoder = Decoder()

    assert decoder.feed(encode(b"{}") + b"\xff\x00\x00\x00\x00") == [b"{}"]
    assert decoder.is_over
    with pytest.raises(BrokenAnswer):
        decoder.trailer()


@pytest.mark.parametrize(("flags", "said"), [(1, "compressed"), (3, "compressed"), (4, "0x04"), (0x82, "0x82")])
def test_flags_that_nobody_asked_for_are_refused(flags: int, said: str) -> None:
    assert said in fault(Decoder(), bytes([flags]) + b"\x00\x00\x00\x02{}")


def test_a_message_that_is_too_long_is_refused_before_it_is_read() -> None:
    assert list(Decoder(limit=300).feed(encode(b"x" * 300))) == [b"x" * 300]
    for size in (5, 305, 306):
        assert "longer than 299 bytes" in fault(Decoder(limit=299), (encode(b"x" * 300) + b"x")[:size])
    assert "longer" in fault(Decoder(limit=300), b"\2" + encode(b"x" * 301)[1:])
    assert "flags" in fault(Decoder(), b"<html")


def test_a_long_message_is_not_copied_for_every_piece_of_it() -> None:
    stream = encode(b"x" * 2_000_000)
    decoder = Decoder()
    with within(3):  # a fraction of a second; copying would be 125 GB
        found = [message for start in range(0, len(stream), 64) for message in decoder.feed(stream[start : start + 64])]
    assert found == [b"x" * 2_000_000]
