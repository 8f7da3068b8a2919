from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shaping.limits import Budget, Gate
from kimi.chat import Limits
from kimi.events import Text, Thinking
from kimi.usage import count

# Everything that is cheap or dear, and what becomes dear later.
TRICKY = st.text(alphabet="aZéßß1 \n\t.=-_!(/'中總。あー한дاαไ🚀\u200d\ufe0f", max_size=40)
PIECES = st.lists(TRICKY | st.sampled_from(["aB1-" * 9, "(foo(bar", "====", "月亮绕着地球转，大约"]), max_size=20)


def through(tokens: int, pieces: Sequence[str]) -> tuple[str, bool]:
    budget = Budget(tokens)
    text = ""
    for piece in pieces:
        text += budget.take(piece)
        if budget.spent:
            break
    return text, budget.spent


@pytest.mark.parametrize(
    ("tokens", "pieces", "text", "spent"),
    [
        (2, ["one", " two", " three"], "one two", True),
        (3, ["one", " two", " three"], "one two three", False),
        (2, ["one two three"], "one two", True),
        (1, ["one", ""], "one", False),
        (2, ["internationalization"], "internationalization", False),
        (1, ["internationalization"], "", True),
        (5, ["月亮绕着地球转大约二十七天"], "月亮绕着地球转大", True),
    ],
)
def test_a_text_is_cut_where_its_tokens_are_spent(tokens: int, pieces: list[str], text: str, spent: bool) -> None:
    assert through(tokens, pieces) == (text, spent)


@given(st.integers(1, 60), PIECES)
def test_what_comes_through_is_never_more_than_the_limit(tokens: int, pieces: list[str]) -> None:
    text, spent = through(tokens, pieces)
    assert "".join(pieces).startswith(text)
    assert count(text) <= tokens
    assert spent == (text != "".join(pieces))


@given(st.integers(1, 60), st.lists(st.sampled_from(["word", " and", " so", "。", "月亮", "\n", " x1"]), max_size=150))
def test_no_more_is_kept_from_the_reader_than_a_token(tokens: int, pieces: list[str]) -> None:
    text, spent = through(tokens, pieces)
    assert not spent or count(text) >= tokens - 2


def test_a_long_answer_is_counted_though_it_is_far_from_its_limit() -> None:
    text, spent = through(60_000, ["word " * 1_000] * 100)
    assert spent
    assert 59_990 <= count(text) <= 60_000


def test_a_text_that_is_surely_within_its_limit_is_not_touched() -> None:
    text = "Hello, you"
    assert Budget(1_000).take(text) is text
    assert Budget(5).take(text) == text


def test_thinking_counts_and_is_not_ended_by_a_stop() -> None:
    gate = Gate(Limits(tokens=4, stop=("END",)))
    assert gate.feed(Thinking, "one END") == "one END"
    assert gate.feed(Text, "two E") == "two "
    assert (gate.reason, gate.shown) == (None, 4)
    assert gate.feed(Thinking, "ND") == "ND"
    assert gate.reason is None
    assert gate.feed(Text, "ND") == ""
    assert gate.reason == "stop"


def test_the_limit_that_is_met_first_gives_the_reason() -> None:
    gate = Gate(Limits(tokens=2, stop=("END",)))
    assert gate.feed(Text, "one two three END") == "one two"
    assert (gate.reason, gate.shown) == ("length", 7)
    gate = Gate(Limits(tokens=2, stop=("END",)))
    assert gate.feed(Text, "one END") == "one "
    assert gate.reason == "stop"


def test_what_was_held_back_for_a_stop_is_let_through_at_the_end() -> None:
    gate = Gate(Limits(stop=("END",)))
    assert gate.feed(Text, "the E") == "the "
    assert gate.close(Text, "N") == "EN"
    assert gate.allows(" or so") and not gate.allows("D") and not gate.allows("at the END")


def test_nothing_is_allowed_behind_the_end_that_the_tokens_do_not_cover() -> None:
    gate = Gate(Limits(tokens=4))
    gate.close(Text, "one two")
    assert gate.allows(" three four") and not gate.allows(" three four five")
    gate = Gate(Limits(tokens=1_000))
    gate.close(Text, "one two")
    assert gate.allows(" three" * 20) and gate.allows(" three" * 900) and not gate.allows(" three" * 1_100)
