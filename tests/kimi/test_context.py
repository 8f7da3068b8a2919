"""What is too long for a model, found before anybody is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.chat import Message
from kimi.context import LARGEST, MOST_TOKENS, Window, fitting, tokens, window
from kimi.errors import PromptTooLong
from kimi.models import select
from kimi.upstreams.folding import into_one
from kimi.usage import count, prompt_tokens

AGENT = "conpg00t7lagbbsfqkq0"
WEB = ("kimi", "kimi:*", "kimi-classic", "kimi:SCENARIO_K4")
OFFICIAL = ("moonshot:kimi-k3", "moonshot:kimi-k2.7-code", "moonshot:moonshot-v1-8k", "moonshot:other")
ALL = (*WEB, *OFFICIAL)


def said(*texts: str) -> tuple[Message, ...]:
    return tuple(Message("user", text) for text in texts)


def refusal(name: str, routes: tuple[str, ...], *texts: str) -> PromptTooLong:
    with pytest.raises(PromptTooLong) as raised:
        fitting(select(name, routes), said(*texts))
    return raised.value


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("kimi", [Window(262_144), Window(200_000, "characters")]),
        ("kimi-k2-thinking", [Window(262_144)]),
        ("kimi-k2.6", [Window(262_144)]),
        ("kimi-k3", [Window(1_048_576), Window(1_048_576)]),
        (AGENT, [Window(262_144), Window(200_000, "characters")]),
        ("kimi-k2.7-code", [Window(262_144)]),
        ("moonshot-v1-8k", [Window(8_192)]),
        ("kimi-k4", [None]),
        ("other", [None]),
    ],
)
def test_what_each_model_reads(name: str, sizes: list[Window | None]) -> None:
    selection = select(name, ALL)
    assert [window(route, selection) for route in selection.routes] == sizes


def test_the_classic_dialect_counts_the_characters_of_its_one_message() -> None:
    selection = select("kimi-k1", WEB)
    assert fitting(selection, said("字" * 200_000)) is selection
    assert fitting(selection, said("字" * 99_990, "x" * 99_990)) is selection
    short = refusal("kimi-k1", WEB, "字" * 200_001)
    assert (short.size, short.limit, short.unit) == (200_001, 200_000, "characters")
    folded = refusal("kimi-k1", WEB, "字" * 100_000, "x" * 100_000)
    assert refusal("kimi-k1", WEB, "x" * 2_000_000, " " * 99).size == 2_000_000
    assert folded.size == len(into_one(said("字" * 100_000, "x" * 100_000)))


def test_the_newer_dialect_counts_tokens() -> None:
    words = "words " * 250_000
    selection = select("kimi-k2.6", WEB)
    assert fitting(selection, said(words)) is selection
    long = refusal("kimi-k2.6", WEB, words, words)
    assert (long.limit, long.unit) == (262_144, "tokens")
    assert long.size == pytest.approx(prompt_tokens(said(words, words)), rel=0.02)
    assert fitting(select("kimi-k3", WEB), said(words, words)).routes == ("kimi:*",)


def test_what_is_too_long_for_one_account_goes_to_another() -> None:
    text = "word " * 60_000  # 300,000 characters, 60,000 tokens
    assert fitting(select("kimi", WEB), said(text)).routes == ("kimi",)
    assert fitting(select("kimi-k4", WEB), said(text * 30)).routes == ("kimi:SCENARIO_K4",)
    own = select("kimi-k2.6", ("kimi", "moonshot:kimi-k2.6"))
    assert fitting(own, said(text)) is own


def test_the_figures_are_those_of_the_model_that_reads_most() -> None:
    assert refusal("kimi", WEB, "word " * 300_000).limit == 262_144


def test_a_long_text_is_counted_with_pauses_and_no_further_than_it_has_to_be() -> None:
    pauses: list[int] = []
    fitting(select("kimi-k2.6", WEB), said("words " * 100_000), lambda: pauses.append(1))
    assert len(pauses) == 9
    pauses.clear()
    with pytest.raises(PromptTooLong) as raised:
        fitting(select("moonshot-v1-8k", OFFICIAL), said(*["words " * 10_000] * 200), lambda: pauses.append(1))
    assert pauses == []
    assert raised.value.size == pytest.approx(2_000_000, rel=0.1)


def test_all_tokens_are_counted_with_pauses_and_what_nobody_reads_is_estimated() -> None:
    pauses: list[int] = []
    short = said("", "Well?", "字 word")
    assert tokens(short, LARGEST, lambda: pauses.append(1)) == prompt_tokens(short)
    assert pauses == []
    long = said("words " * 100_000)
    assert tokens(long, LARGEST, lambda: pauses.append(1)) == pytest.approx(prompt_tokens(long), rel=0.001)
    assert len(pauses) == 9
    pauses.clear()
    assert tokens(long, 10_000, lambda: pauses.append(1)) == pytest.approx(prompt_tokens(long), rel=0.05)
    assert pauses == []


def test_a_short_text_is_not_counted_at_all() -> None:
    pauses: list[int] = []
    many = said(*["words "] * 5_000)
    assert fitting(select("kimi", WEB), many, lambda: pauses.append(1)).routes == ("kimi", "kimi-classic")
    assert pauses == []


@given(st.text(alphabet=st.sampled_from("aäé1 9\n😀字।ก.-=Zþ\u0301") | st.characters(), max_size=60))
def test_a_character_is_never_more_tokens_than_is_said(text: str) -> None:
    assert count(text) <= MOST_TOKENS * len(text)


@given(st.lists(st.builds(Message, st.just("user"), st.text(max_size=30)), min_size=1, max_size=5))
def test_what_fits_anywhere_is_left_alone(messages: list[Message]) -> None:
    selection = select("kimi", WEB)
    assert fitting(selection, messages) is selection


def test_where_only_others_read_so_much_they_are_asked_at_once() -> None:
    official, web = ("moonshot:moonshot-v1-8k",), ("kimi",)
    chosen = replace(select("moonshot-v1-8k", official), routes=official, otherwise=web)
    assert fitting(chosen, said("word " * 3_000)) == chosen
    assert fitting(chosen, said("word " * 20_000)) == replace(chosen, routes=web, otherwise=())
    swapped = replace(chosen, routes=web, otherwise=official)
    assert fitting(swapped, said("word " * 20_000)) == replace(swapped, otherwise=())
