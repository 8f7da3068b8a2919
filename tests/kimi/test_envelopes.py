from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.errors import BrokenAnswer
from kimi.upstreams.envelopes import Decoder, Envelope, encode

MESSAGES = [b'{"heartbeat":{}}', '{"text":"你好 🌙"}'.encode(), b"", b"x" * 300]
STREAM = b"".join(map(encode, MESSAGES)) + b"\x02\x00\x00\x00\x02{}"
ENVELOPES = [*((message, False) for message in MESSAGES), (b"{}", True)]


def decode(*chunks: bytes) -> list[Envelope]:
    decoder = Decoder()
    envelopes = [envelope for chunk in chunks for envelope in decoder.feed(chunk)]
    decoder.close()
    return envelopes


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

    assert envelopes == [*((message, False) for message in messages), (b"", True)]


def test_a_stream_without_its_trailer_is_broken_wherever_it_stops() -> None:
    for position in range(len(STREAM)):
        decoder = Decoder()
        list(decoder.feed(STREAM[:position]))
        with pytest.raises(BrokenAnswer, match="cut"):
            decoder.close()


def test_nothing_may_follow_the_trailer() -> None:
    with pytest.raises(BrokenAnswer, match="behind the end"):
        list(Decoder().feed(STREAM + b"\x00"))

    decoder = Decoder()
    list(decoder.feed(STREAM))
    with pytest.raises(BrokenAnswer, match="behind the end"):
        list(decoder.feed(b"\x00"))


def test_what_came_before_something_broken_is_not_lost() -> None:
    envelopes = Decoder().feed(encode(b"{}") + b"\xff\x00\x00\x00\x00")

    assert next(envelopes) == (b"{}", False)
    with pytest.raises(BrokenAnswer):
        next(envelopes)


@pytest.mark.parametrize(("flags", "said"), [(1, "compressed"), (3, "compressed"), (4, "0x04"), (0x82, "0x82")])
def test_flags_that_nobody_asked_for_are_refused(flags: int, said: str) -> None:
    with pytest.raises(BrokenAnswer, match=said):
        list(Decoder().feed(bytes([flags]) + b"\x00\x00\x00\x02{}"))


def test_a_message_that_is_too_long_is_refused_before_it_is_read() -> None:
    assert list(Decoder(limit=300).feed(encode(b"x" * 300))) == [(b"x" * 300, False)]
    with pytest.raises(BrokenAnswer, match="longer than 299 bytes"):
        list(Decoder(limit=299).feed(encode(b"x" * 300)[:5]))
    with pytest.raises(BrokenAnswer):
        list(Decoder().feed(b"<html"))


def test_a_long_message_is_not_copied_for_every_piece_of_it() -> None:
    stream = encode(b"x" * 4_000_000)
    decoder = Decoder()
    begun = time.process_time()
    found = [envelope for start in range(0, len(stream), 64) for envelope in decoder.feed(stream[start : start + 64])]
    assert found == [(b"x" * 4_000_000, False)]
    assert time.process_time() - begun < 3  # a fraction of a second; copying would be 125 GB
