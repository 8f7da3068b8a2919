from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from kimi.chat import Alive, Event, Finish, Text
from kimi.errors import BrokenAnswer
from kimi.upstreams.reading import events


class Letters:
    """Reads a letter as a piece of text and a full stop as the end."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        for letter in chunk.decode().strip():
            yield Finish("stop") if letter == "." else Text(letter)

    def close(self) -> Finish:
        raise BrokenAnswer("cut")


def read(*chunks: bytes) -> tuple[list[Event], Finish]:
    came: list[Event] = []

    def stream() -> Generator[Event, None, Finish]:
        finish = yield from events(chunks, Letters())
        finishes.append(finish)
        return finish

    finishes: list[Finish] = []
    came += stream()
    return came, finishes[0]


def test_all_that_a_read_has_brought_can_be_passed_on_behind_it_and_before_the_end_is_waited_for() -> None:
    a, b, alive = Text("a"), Text("b"), Alive()
    assert read(b"ab", b" ", b"a", b"b.") == ([a, b, alive, alive, a, alive, b, alive], Finish("stop"))


def test_what_comes_behind_the_end_is_not_read() -> None:
    assert read(b"a.b", b"a") == ([Text("a"), Alive()], Finish("stop"))


def test_an_answer_without_an_end_is_what_its_dialect_says() -> None:
    with pytest.raises(BrokenAnswer):
        read(b"a")
