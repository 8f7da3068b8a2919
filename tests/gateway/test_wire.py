from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.surfaces.wire import PIECE, enclosed, literal, literals

LONG = st.builds(lambda unit, times: unit * times, st.text(min_size=1, max_size=40), st.integers(1, 4_000))


@given(LONG)
def test_pieces_are_small_whole_and_together_the_text(text: str) -> None:
    pieces = list(literals(text))
    decoded = [orjson.loads(piece) for piece in pieces]
    assert "".join(decoded) == text
    assert all(len(piece.encode()) <= PIECE for piece in decoded)
    assert all(len(piece) < 60_000 for piece in pieces)


@given(LONG)
def test_each_piece_stands_between_head_and_tail(text: str) -> None:
    assert enclosed(b"<", text, b">") == b"".join(b"<%b>" % piece for piece in literals(text))


@pytest.mark.parametrize(
    "text", ["a" * PIECE, "月" * 5_461, "😀" * 4_096], ids=["ascii", "three bytes a character", "four bytes"]
)
def test_what_fits_is_not_cut(text: str) -> None:
    assert len(list(literals(text))) == 1
    assert len(list(literals(text + "a" * 4))) == 2


def test_control_characters_grow_sixfold_and_are_cut_sooner() -> None:
    pieces = list(literals("\x01" * PIECE))
    assert max(map(len, pieces)) < 60_000
    assert "".join(orjson.loads(piece) for piece in pieces) == "\x01" * PIECE


def test_halves_of_a_surrogate_pair_find_each_other() -> None:
    assert orjson.loads(literal("\ud83d\ude00!")) == "😀!"


def test_half_a_surrogate_pair_does_no_harm() -> None:
    assert orjson.loads(literal("a\ud83d")) == "a\ufffd"
    assert "".join(orjson.loads(piece) for piece in literals("\ud83d" + "a" * 50_000)) == "\ufffd" + "a" * 50_000
