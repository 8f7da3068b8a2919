from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shaping.stops import Stops

SHORT = st.text(alphabet="ab\n", max_size=14)
STOPS = st.lists(st.text(alphabet="ab\n", min_size=1, max_size=4), min_size=1, max_size=3)


def through(stops: Sequence[str], pieces: Sequence[str]) -> tuple[str, bool]:
    gate = Stops(stops)
    text = ""
    for piece in pieces:
        text += gate.feed(piece)
        if gate.hit:
            return text, True
    return text + gate.close(), False


def expected(stops: Sequence[str], text: str) -> tuple[str, bool]:
    """What is left of a text that is written a character at a time until it ends in one of `stops`."""
    for end in range(len(text) + 1):
        found = [len(stop) for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(found)], True
    return text, False


@pytest.mark.parametrize(
    ("stops", "pieces", "text", "hit"),
    [
        (["END"], ["to the ", "EN", "D of it"], "to the ", True),
        (["END"], ["to the ", "EN", "d"], "to the ENd", False),
        (["END"], ["E", "N"], "EN", False),
        (["\nUser:", "###"], ["Hi.\nUs", "er: and"], "Hi.", True),
        (["abcd", "bc"], ["abcd"], "a", True),
        (["aab"], ["aa", "ab"], "a", True),
        (["。"], ["好。"], "好", True),
        ([], ["anything"], "anything", False),
    ],
)
def test_a_text_ends_before_the_stop(stops: list[str], pieces: list[str], text: str, hit: bool) -> None:
    assert through(stops, pieces) == (text, hit)


@given(STOPS, SHORT, st.lists(st.integers(0, 14), max_size=6))
def test_stops_are_found_however_a_text_is_cut(stops: list[str], text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert through(stops, [text[start:end] for start, end in pairwise(edges)]) == expected(stops, text)


@given(STOPS, SHORT)
def test_no_more_is_held_back_than_a_stop_may_begin_with(stops: list[str], text: str) -> None:
    gate = Stops(stops)
    shown = ""
    for end, character in enumerate(text, 1):
        shown += gate.feed(character)
        if gate.hit:
            break
        held = text[len(shown) : end]
        beginnings = {stop[:length] for stop in stops for length in range(len(stop))}
        assert held in beginnings
        assert not any(text[start:end] in beginnings for start in range(len(shown)))


@pytest.mark.parametrize(
    ("text", "stop"), [("a END b", "END"), ("a ENDE", "END"), ("x\nHuman: END", "\nHuman:"), ("a", "")]
)
def test_which_stop_it_was_is_known(text: str, stop: str) -> None:
    gate = Stops(["END", "\nHuman:"])
    gate.feed(text)
    assert gate.hit == stop


def test_a_text_that_holds_no_beginning_is_not_touched() -> None:
    text = "Hello, you"
    assert Stops(["###"]).feed(text) is text
