from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import repeat

import pytest

from kimi.errors import BrokenAnswer
from kimi.events import Batch, Event, Finish, Text, Thinking, ToolCall
from kimi.upstreams.pieces import PIECE
from kimi.upstreams.reading import MAX_WRITTEN_BYTES, batches, parsed
from tests.kimi.replay import broken


class Letters:
    """Reads a letter as a piece of text, a full stop as the end and an exclamation mark as a fault."""

    def feed(self, chunk: bytes, told: list[Event]) -> None:
        for letter in chunk.decode().strip():
            if letter == "!":
                raise BrokenAnswer("a fault")
            told.append(Finish("stop") if letter == "." else Text(letter))
            if letter == ".":
                return

    def close(self) -> Finish:
        raise BrokenAnswer("cut")


A, B = Text("a"), Text("b")


def read(*chunks: bytes) -> tuple[list[Batch], Finish]:
    finishes: list[Finish] = []

    def stream() -> Generator[Batch]:
        finishes.append((yield from batches(chunks, Letters())))

    came = list(stream())
    return came, finishes[0]


def test_all_that_a_read_has_brought_is_handed_over_at_once_and_before_the_end_is_waited_for() -> None:
    assert read(b"ab", b" ", b"a", b"b.") == ([[A, B], [], [A], [B]], Finish("stop"))


def test_silence_is_passed_on() -> None:
    assert read(b"", b"a", b"", b".")[0] == [None, [A], None, []]


def test_what_comes_behind_the_end_is_not_read() -> None:
    assert read(b"a.b", b"a") == ([[A]], Finish("stop"))


def test_what_a_read_brought_before_a_fault_is_handed_over_first() -> None:
    stream = batches([b"a", b"b!"], Letters())
    assert [next(stream), next(stream)] == [[A], [B]]
    with pytest.raises(BrokenAnswer, match="a fault"):
        next(stream)

    with pytest.raises(BrokenAnswer, match="a fault"):
        next(batches([b"!"], Letters()))


def test_an_answer_without_an_end_is_what_its_dialect_says() -> None:
    with pytest.raises(BrokenAnswer):
        read(b"a")


class Words:
    """Reads each line as what it is made for, whose text that is."""

    def __init__(self, make: Callable[[str], Event]) -> None:
        self._make = make
        self._pending = ""

    def feed(self, chunk: bytes, told: list[Event]) -> None:
        *lines, self._pending = (self._pending + chunk.decode()).split("\n")
        told += [Finish("stop") if line == "." else self._make(line) for line in lines]

    def close(self) -> Finish:
        raise BrokenAnswer("cut")


LONG = "".join(f"{number:x}" for number in range(12_000))
"""A little more than five pieces."""


def called(arguments: str) -> ToolCall:
    return ToolCall(3, "c1", "f", arguments)


@pytest.mark.parametrize("make", [Text, Thinking, called])
@pytest.mark.parametrize("size", [700, 1_000_000])
def test_a_long_event_is_told_in_pieces_between_which_others_have_their_turn(
    make: Callable[[str], Event], size: int
) -> None:
    stream = b"a\n%b\n.\n" % LONG.encode()
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    happened: list[Batch] = []
    for batch in batches(chunks, Words(make), rest=lambda: happened.append(None)):
        assert batch is not None
        if batch:
            happened.append(batch)
    told = [event for batch in happened for event in batch or ()]

    assert happened.count(None) == 5
    assert max(sum(map(lengths, batch)) for batch in happened if batch) <= 2 * PIECE
    assert told[0] == make("a") and "".join(map(words, told[1:])) == LONG
    assert [type(event) for event in told[1:]] == [type(make(""))] * 6
    calls = [(event.index, event.id, event.name) for event in told[1:] if isinstance(event, ToolCall)]
    assert not calls or calls == [(3, "c1", "f"), *[(3, None, None)] * 5]


def test_others_have_their_turn_between_many_short_events_too() -> None:
    batched = [batch for batch in batches([b"a\n" * 10_000 + b".\n"], Words(Text), rest=lambda: None) if batch]

    assert sum(map(len, batched)) == 10_000
    assert max(map(len, batched)) <= PIECE // 64


def lengths(event: Event) -> int:
    return len(words(event))


def words(event: Event) -> str:
    assert isinstance(event, Text | Thinking | ToolCall)
    return event.arguments if isinstance(event, ToolCall) else event.text


def test_no_model_writes_as_much_as_heartbeats_and_pages_may_take() -> None:
    line = "月" * 10_000 + "\n"
    told, error = broken(batches(repeat(line.encode()), Words(Text), rest=lambda: None))

    assert str(error).startswith("the text of the answer is longer")
    assert MAX_WRITTEN_BYTES - 50_000 < sum(len(words(event).encode()) for event in told) <= MAX_WRITTEN_BYTES


@pytest.mark.parametrize("part", [b"[],", b"{},", b'{"a":[]},'])
def test_a_message_has_a_bounded_number_of_parts(part: bytes) -> None:
    assert parsed(b'{"x":[%b1]}' % (part * 40_000))
    with pytest.raises(BrokenAnswer, match="parts"):
        parsed(b'{"x":[%b1]}' % (part * 100_000))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"x"', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}'])
def test_a_message_is_an_object_in_json(data: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        parsed(data)
