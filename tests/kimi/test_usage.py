"""The estimator, held against counts of real vocabularies."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi import usage, usage_classes
from kimi.chat import Message
from kimi.usage import Counter, count, prompt_tokens
from tests.timing import seconds

DATA = Path(__file__).parents[1] / "data" / "usage"
COUNTS: dict[str, dict[str, int]] = json.loads((DATA / "counts.json").read_text(encoding="utf-8"))

# Everything a class begins or ends with, so that pieces meet in every way.
TRICKY = st.text(alphabet="aZéßß1 \n\t.=-_!(/'中總。あー한дاαไ🚀\u200d\ufe0f\ud800", max_size=60)
ASCII = st.text(alphabet="abYZ19 \n\t\x1c.,=-_+!(/'", max_size=60)
SPACED = st.text(alphabet="aB12 \n\t\u3000\x85\xa0\x1c۵-(,中月。\u064b\u0300", max_size=60)
WORDS = st.lists(st.text(alphabet="abYZ19\n.,=-_+!(/'\x1c", max_size=9), max_size=9).map(" ".join)
TEXTS = st.text(max_size=60) | TRICKY | ASCII | SPACED | WORDS


def passage(name: str) -> str:
    return (DATA / f"{name}.txt").read_text(encoding="utf-8")


def in_pieces(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


def counted(pieces: list[str]) -> int:
    counter = Counter()
    for piece in pieces:
        counter.add(piece)
    return counter.total


def test_every_passage_has_a_count_and_every_count_a_passage() -> None:
    assert {path.stem for path in DATA.glob("*.txt")} == COUNTS.keys()


@pytest.mark.parametrize("name", sorted(COUNTS.keys() - {"zh_classical"}))
def test_each_passage_is_within_a_tenth(name: str) -> None:
    assert count(passage(name)) == pytest.approx(COUNTS[name]["kimi"], rel=0.10)


def test_classical_chinese_is_within_an_eighth() -> None:
    assert count(passage("zh_classical")) == pytest.approx(COUNTS["zh_classical"]["kimi"], rel=0.125)


@pytest.mark.parametrize(
    "names",
    [
        ("zh_prose", "zh_doc", "zh_chat"),
        ("en_prose", "en_doc"),
        ("code_python", "code_typescript", "code_c", "code_shell_sql"),
    ],
    ids=["Chinese", "English", "code"],
)
def test_what_kimi_is_mostly_asked_is_within_a_twentieth(names: tuple[str, ...]) -> None:
    expected = sum(COUNTS[name]["kimi"] for name in names)
    assert sum(count(passage(name)) for name in names) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("phrase", "tokens"),
    [
        ("你好世界", 2),
        ("Hello, world!", 4),
        ("Привет мир", 4),
        ("こんにちは", 5),
        ("안녕하세요 세계", 7),
        ("שלום עולם", 6),
        ("Hello 🌍 World! 🎉", 8),
        ("Ελληνικά και μαθηματικά", 12),
    ],
)
def test_short_phrases_are_close_to_what_kimis_own_vocabulary_gives(phrase: str, tokens: int) -> None:
    assert abs(count(phrase) - tokens) <= 2


def test_nothing_is_nothing() -> None:
    assert count("") == 0
    assert Counter().total == 0
    assert counted(["", ""]) == 0


def piece_by_piece(text: str) -> int:
    """What a text weighs, found as slowly as the classes say it."""
    weight = 0
    for piece in usage_classes.PIECE.finditer(text):  # tokens are rounded, so that nothing public tells as much
        start, end = piece.span(piece.lastindex or 0)
        price = usage_classes.PRICES[piece.lastindex or 0]
        weight += price.first + price.each * max(0, end - start - price.free)
    return weight


@given(TEXTS)
def test_a_text_is_as_much_as_its_pieces(text: str) -> None:
    assert usage._weigh(text) == piece_by_piece(text)


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_each_passage_is_as_much_as_its_pieces(name: str) -> None:
    assert usage._weigh(passage(name)) == piece_by_piece(passage(name))


def test_what_is_remembered_is_bounded() -> None:
    words = " ".join(f"{number:b}".replace("0", ".") for number in range(6_000))
    for text in (words, words.replace("1", "é"), "é" * 1_000, "a" * 1_000):
        count(text)
    for remembered in (usage._SEGMENTS, usage._SPACED_SEGMENTS):  # nothing public tells what it holds
        assert len(remembered) <= 4_096
        assert max(map(len, remembered)) <= 32
    for number in range(4_200):
        count(f"{number} " * 300)
    assert len(usage._COUNTS) <= 4_096


@given(st.text(min_size=1))
def test_anything_else_is_at_least_one_token(text: str) -> None:
    assert count(text) >= 1
    assert counted([text]) >= 1


@given(TEXTS, TEXTS)
def test_more_text_is_hardly_ever_fewer_tokens(text: str, more: str) -> None:
    # A run that turns out to be base64 or a ruler is cheaper than its beginning looked.
    assert count(text + more) >= count(text) - 8


def test_a_prompt_pays_for_its_messages_and_for_the_reply() -> None:
    question = Message("user", "你好世界")
    assert prompt_tokens([question]) == count("你好世界") + 4 + 3
    assert prompt_tokens([Message("system", ""), question]) == prompt_tokens([question]) + 4


@given(TEXTS.flatmap(lambda text: st.tuples(st.just(text), st.lists(st.integers(0, len(text)), max_size=8))))
def test_a_stream_counts_like_its_text_however_it_is_cut(case: tuple[str, list[int]]) -> None:
    text, cuts = case
    edges = [0, *sorted(cuts), len(text)]
    asked_once, asked_always = Counter(), Counter()
    for start, end in pairwise(edges):
        asked_once.add(text[start:end])
        asked_always.add(text[start:end])
        assert asked_always.total == count(text[:end])
    assert asked_once.total == count(text)


@pytest.mark.parametrize("length", [1, 7, 40, 5_000])
def test_a_long_stream_counts_like_its_text(length: int) -> None:
    text = "\n".join(passage(name) for name in sorted(COUNTS))
    assert counted(in_pieces(text, length)) == pytest.approx(count(text), abs=5)


def test_a_stream_without_a_seam_loses_no_more_than_a_token_a_block() -> None:
    text = "an_identifier_that_never_ends." * 5_000
    assert counted(in_pieces(text, 7)) == pytest.approx(count(text), abs=len(text) / 1024 + 1)


@given(st.lists(TRICKY, max_size=6), TRICKY, st.integers(1, 40))
def test_the_room_that_is_left_can_be_filled(pieces: list[str], text: str, tokens: int) -> None:
    counter = Counter()
    for piece in pieces:
        counter.add(piece)
    before = counter.total
    room = counter.room(text, tokens)
    assert counter.total == before, "asking changes nothing"
    counter.add(text[:room])
    assert room == 0 or counter.total <= tokens


@pytest.mark.parametrize(
    ("before", "text", "tokens", "room"),
    [
        ("", "one two three", 2, "one two"),
        ("one", " two three", 2, " two"),
        ("one two", " three", 2, ""),
        ("one", " two", 9, " two"),
        ("on", "ly one", 1, "ly"),
        ("月亮", "绕着地球转", 2, "绕"),
        ("", "x(y", 1, "x"),  # the parenthesis costs less before a letter
    ],
)
def test_room_is_up_to_an_end_of_a_token(before: str, text: str, tokens: int, room: str) -> None:
    counter = Counter()
    counter.add(before)
    assert text[: counter.room(text, tokens)] == room


def test_chinese_without_a_space_has_seams_as_well() -> None:
    counter = Counter()
    for _ in range(10):
        counter.add("月亮绕着地球转，大约二十七天。" * 50)
    assert counter.total == count("月亮绕着地球转，大约二十七天。" * 500)
    assert len(counter._pending.decode()) < 20  # nothing public tells what it holds


@pytest.mark.parametrize("piece", ["abcdefghij" * 10, "總"])
def test_no_more_of_a_stream_is_kept_than_a_block(piece: str) -> None:
    counter = Counter()
    for _ in range(1_000):
        counter.add(piece)
    assert len(counter._pending) < 1_024  # nothing public tells what it holds


LONG = 250_000
"""Characters of a text whose time is taken."""


@pytest.fixture(scope="module")
def plain() -> float:
    """How long so much prose takes here, piece by piece."""
    text = (passage("en_prose") * 600)[:LONG]
    return seconds(lambda: piece_by_piece(text))


@pytest.mark.parametrize(
    "unit", ["a", "aA", "a1", "aB1-", "aaaaaaaaB1", " ", "\n", " \na", "=", "===a", "!(", "_a", "e\u0301", "總"]
)
def test_no_text_takes_out_of_proportion(unit: str, plain: float) -> None:
    text = (unit * LONG)[:LONG]
    # The slowest take ten times as long as prose; one that is quadratic would take thousands of times as long.
    assert seconds(lambda: count(text)) < 60 * plain


def test_a_long_text_that_comes_again_takes_hardly_any_time() -> None:
    text = "".join(f'{{"name": "tool_{number}", "strict": true}},' for number in range(10_000))
    told: list[int] = []
    first, again = (seconds(lambda: told.append(count(text))) for _ in range(2))
    assert again < first / 5
    assert told == [(usage._weigh(text) + 500) // 1000] * 2


@pytest.mark.parametrize("unit", ["a", " ", "a ", "總"])
def test_no_stream_takes_out_of_proportion(unit: str, plain: float) -> None:
    pieces = in_pieces((unit * LONG)[:LONG], 100)
    assert seconds(lambda: counted(pieces)) < 60 * plain
