from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.errors import BrokenAnswer
from kimi.upstreams.reading import parsed
from kimi.upstreams.sse import MAX_EVENT_LINES, Decoder
from tests.timing import within


def decode(*chunks: bytes) -> list[str]:
    decoder = Decoder()
    found = [data.decode() for chunk in chunks for data in decoder.feed(chunk)]
    decoder.close()
    return found


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        # The examples of the standard.
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", ["YHOO\n+2\n10"]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            ["first event", "second event", " third event"],
        ),
        (b"data\n\ndata\ndata\n\n", ["", "\n"]),
        (b"data:test\n\ndata: test\n\n", ["test", "test"]),
        (b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", ["73857293", "2153"]),
        # The rest of its rules.
        (b"", []),
        (b"\n\n\n", []),
        (b"event: lonely\n\ndata: x\n\n", ["x"]),
        (b"data: x\n\ndata: y\n\n", ["x", "y"]),
        (b"data: x\n\ndata:y\n\n: z\n\ndata: z\n\n", ["x", "y", "z"]),
        (b"data: x\nid: 4\n\ndata: y\n\n", ["x", "y"]),
        (b"event: a\nevent: b\ndata: x\n\n", ["x"]),
        (b"event: a\nevent:\ndata: x\n\n", ["x"]),
        (b"data: x\n\n\n\n\ndata: y\n\n", ["x", "y"]),
        (b"retry: 10\nid: 4\nunknown: 1\nno colon\ndata: x\n\n", ["x"]),
        (b"Data: no\n data: no\ndata: x\n\n", ["x"]),
        (b":\n:data: no\n\ndata: x\n\n", ["x"]),
        (b"data: a:b: c\n\n", ["a:b: c"]),
        (b"\xef\xbb\xbfdata: x\n\n", ["x"]),
        (b"\n\ndata: x\n\n", ["x"]),
        (b"data: x\n\n\xef\xbb\xbfdata: y\n\n", ["x"]),
        ("data: \u2028\x85\x0b\x0c\n\n".encode(), ["\u2028\x85\x0b\x0c"]),
    ],
)
def test_reads_what_the_standard_says(stream: bytes, expected: list[str]) -> None:
    for ending in (b"\n", b"\r\n", b"\r"):
        assert decode(stream.replace(b"\n", ending)) == expected


STREAM = (
    '\ufeff: hi\r\n\r\ndata: {"text":"你好 🌙"}\n\nevent: x\rdata:é\rdata\r\r\n\ndata: 月\r\n\n:\n\ndata: ende\n\r\n'
).encode()
EVENTS = ['{"text":"你好 🌙"}', "é\n", "月", "ende"]


def test_the_events_are_the_same_wherever_the_stream_is_cut() -> None:
    assert decode(STREAM) == EVENTS
    for position in range(len(STREAM) + 1):
        assert decode(STREAM[:position], STREAM[position:]) == EVENTS, position


def test_the_events_are_the_same_byte_by_byte() -> None:
    assert decode(*(bytes([byte]) for byte in STREAM)) == EVENTS
    assert decode(*(piece for byte in STREAM for piece in (b"", bytes([byte])))) == EVENTS


lines = st.lists(
    st.sampled_from(["data: ", "data:", "data", ": ", "event: x", "id: 1", "", "data: 月é🌙", "data: a", "odd"]),
    max_size=12,
)
endings = st.sampled_from(["\n", "\r\n", "\r"])


@given(st.lists(st.tuples(lines, endings), max_size=5), st.lists(st.integers(0, 400), max_size=8))
def test_any_stream_reads_the_same_however_it_is_cut(parts: list[tuple[list[str], str]], cuts: list[int]) -> None:
    stream = "".join(line + ending for some, ending in parts for line in [*some, ""]).encode()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    whole = Decoder()
    expected = whole.feed(stream)
    pieces = Decoder()

    assert [e for a, b in pairwise(edges) for e in pieces.feed(stream[a:b])] == expected


def test_only_the_very_first_bytes_can_be_a_mark_of_their_order() -> None:
    assert decode(b"data: x\n\n", b"\xef\xbb\xbfdata: y\n\n") == ["x"]
    assert decode(b"\xef\xbb\xbf", b"data: x\n\n", b"data: y\n\n") == ["x", "y"]


def test_an_event_is_there_as_soon_as_its_last_byte_is() -> None:
    decoder = Decoder()

    assert decoder.feed(b"data: x\r\n\r") == [b"x"]
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data: y\n\n") == [b"y"]


@pytest.mark.parametrize("rest", [b"data: y", b"data: y\n", b"data:y\r", b"event: e\ndata: y\r\n"])
def test_the_last_event_may_lack_its_blank_line(rest: bytes) -> None:
    decoder = Decoder()
    decoder.feed(b"data: x\n\n" + rest)

    assert decoder.close() == [b"y"]
    assert decoder.close() == []


@pytest.mark.parametrize("rest", [b"", b"\n", b"d", b"event: e\n", b": data: x"])
def test_what_is_no_event_does_not_become_one_at_the_end(rest: bytes) -> None:
    decoder = Decoder()
    decoder.feed(b"data: x\n\n" + rest)

    assert decoder.close() == []


@pytest.mark.parametrize("bad", [b"\xff", b"\xe6\x9c", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_bytes_that_are_no_utf8_are_broken_and_not_replaced(bad: bytes) -> None:
    for dropped in (bad, b": " + bad, b"event: " + bad + b"\ndata: x"):
        with pytest.raises(BrokenAnswer, match="UTF-8"):
            Decoder().feed(dropped + b"\n\n")
    first, data = Decoder().feed(b"data: {}\n\ndata: " + bad + b"\n\n")
    assert parsed(first) == {}
    with pytest.raises(BrokenAnswer):
        parsed(data)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize(("length", "fits"), [(100, True), (101, False)])
def test_the_size_of_an_event_is_capped_however_it_is_cut(size: int, length: int, fits: bool) -> None:
    stream = b"data: " + b"x" * (length - 6) + b"\n\n"
    stream += stream
    decoder = Decoder(limit=100)
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]

    if fits:
        assert len([event for chunk in chunks for event in decoder.feed(chunk)]) == 2
    else:
        with pytest.raises(BrokenAnswer, match="longer than 100 bytes"):
            _ = [decoder.feed(chunk) for chunk in chunks]


def test_an_endless_line_is_given_up() -> None:
    decoder = Decoder(limit=1000)

    with pytest.raises(BrokenAnswer, match="longer than 1000 bytes"):
        _ = [decoder.feed(b"data: xxxxxx") for _ in range(200)]


@pytest.mark.parametrize("line", [b"data", b"data: x", b":", b"odd"])
@pytest.mark.parametrize("size", [7, 10_000])
def test_an_event_has_so_many_lines_however_it_is_cut(line: bytes, size: int) -> None:
    def fed(lines: int) -> list[bytes]:
        stream = b"data: x\n" + (line + b"\n") * (lines - 1) + b"\n"
        decoder = Decoder()
        return [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]

    assert len(fed(MAX_EVENT_LINES)) == 1
    with pytest.raises(BrokenAnswer, match="more than 10000 lines"):
        fed(MAX_EVENT_LINES + 1)


@pytest.mark.parametrize("wrong", [b": \xff\n\n", b"data: " + b"x" * 200, b"data: " + b"x" * 200 + b"\n\n"])
def test_what_came_before_something_broken_is_not_lost(wrong: bytes) -> None:
    decoder = Decoder(limit=100)

    assert decoder.feed(b"data: x\n\ndata: y\n\n" + wrong) == [b"x", b"y"]
    for piece in (b"data: z\n\n", b""):
        with pytest.raises(BrokenAnswer):
            decoder.feed(piece)
    with pytest.raises(BrokenAnswer):
        decoder.close()


def test_bytes_that_are_no_utf8_are_left_to_whoever_reads_them_wherever_the_stream_is_cut() -> None:
    stream = b"data: \xff\n\n\ndata: x\n: y\n\n"
    for position in range(len(stream) + 1):
        decoder = Decoder()
        assert [*decoder.feed(stream[:position]), *decoder.feed(stream[position:])] == [b"\xff", b"x"]


@pytest.mark.parametrize(
    "piece", [b"\n" * 16_384, (b":" + b" " * 510 + b"\n") * 32, b"\n\n\n" * 5_461], ids=["lines", "comments", "threes"]
)
def test_lines_that_say_nothing_cost_next_to_nothing(piece: bytes) -> None:
    with within(0.5):  # three times of 1.6 MB; a seventh of that, and more if each is looked at
        for decoder in (Decoder(), Decoder(), Decoder()):
            for _ in range(100):
                assert decoder.feed(piece) == []
            assert decoder.feed(b"\n\ndata: x\n\n") == [b"x"]
