from __future__ import annotations

from collections.abc import Generator

import pytest

from kimi.errors import BrokenAnswer
from kimi.events import Batch, Event, Finish, Text
from kimi.upstreams.reading import batches, parsed


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


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"x"', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}'])
def test_a_message_is_an_object_in_json(data: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        parsed(data)
