from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shaping import shape
from gateway.surfaces.tally import Tally
from kimi.accounts import Kind
from kimi.chat import Chat, Feature, Form, Limits
from kimi.events import Annotation, Answering, ChatOpened, Event, Finish, Source, Sources, Text, Thinking, Usage
from kimi.usage import count

MOON, TIDES = Source("1", "https://moon.example/a", "The moon"), Source("t:1#0", "https://tides.example/", "潮汐")
FOUND = Sources((MOON, TIDES))
MARKED = "The moon[^1^] and tides\ue3a0cite\ue3a3t:1#0\ue3a3x\ue3a8[^7^]."
READ = "The moon[1](https://moon.example/a) and tides[2](https://tides.example/)."
LINES = "\n\n[1] [The moon](https://moon.example/a)  \n[2] [潮汐](https://tides.example/)"
SILENT = frozenset({Feature.SILENT})


def chat(
    tokens: int | None = None,
    stop: tuple[str, ...] = (),
    features: frozenset[Feature] = frozenset(),
    **body: Any,
) -> Chat:
    return Chat(model="kimi", messages=(), limits=Limits(tokens, stop), features=features, body=body)


def read(events: Iterable[Event], asked: Chat, kind: Kind = Kind.KIMI) -> list[Event]:
    """What is shown of events that come one by one."""
    shaped = shape(asked, kind)
    shown: list[Event] = []
    for event in events:
        shown += shaped([event])
        if shown and isinstance(shown[-1], Finish):
            break
    return shown


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def pointed_at(events: Sequence[Event]) -> list[tuple[str, str]]:
    """What the annotations stand at, and the page that they name."""
    text = text_of(events)
    return [(text[event.start : event.end], event.url) for event in events if isinstance(event, Annotation)]


def test_an_ordinary_answer_is_not_touched() -> None:
    shaped = shape(chat(), Kind.KIMI)
    came: list[list[Event]] = [[ChatOpened("c"), Answering("s")], [], [Thinking("hm"), Text("Hel")], [Text("lo")]]
    assert all(shaped(batch) is batch for batch in came)
    assert shaped([Finish("stop")]) == [Finish("stop")]


def test_the_official_platform_does_it_all_itself() -> None:
    batch: list[Event] = [Text(MARKED), Finish("stop", Usage(1, 2))]
    assert shape(chat(tokens=1, stop=("moon",)), Kind.MOONSHOT)(batch) is batch


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_marks_are_links_and_sources_are_listed(kind: Kind) -> None:
    shown = read([FOUND, Text(MARKED), Finish("stop")], chat(), kind)
    assert text_of(shown) == READ + LINES
    assert pointed_at(shown) == [
        ("[1](https://moon.example/a)", MOON.url),
        ("[2](https://tides.example/)", TIDES.url),
        ("[The moon](https://moon.example/a)", MOON.url),
        ("[潮汐](https://tides.example/)", TIDES.url),
    ]
    kinds = [type(event) for event in shown]
    assert kinds == [Sources, Text, Text, *[Annotation] * 4, Finish]


def test_a_silent_answer_has_no_lines_but_names_all_it_draws_on() -> None:
    shown = read([FOUND, Text("The moon[^1^]."), Finish("stop")], chat(features=SILENT))
    text = "The moon[1](https://moon.example/a)."
    assert text_of(shown) == text
    assert shown[-3:-1] == [
        Annotation(8, 35, MOON.url, "The moon"),
        Annotation(len(text), len(text), TIDES.url, "潮汐"),
    ]


def test_json_stays_json() -> None:
    said = Text('Here it is:\n{"a": "The moon[^1^]"}')
    shown = read([FOUND, said, Finish("stop")], replace(chat(), form=Form()))
    text = '{"a": "The moon"}'
    assert text_of(shown) == text
    assert [(note.start, note.end) for note in shown if isinstance(note, Annotation)] == [(len(text), len(text))] * 2


def test_an_answer_that_kimi_left_incomplete_has_no_lines() -> None:
    shown = read([FOUND, Text("The moon[^1^]"), Finish("length")], chat())
    assert text_of(shown) == "The moon[1](https://moon.example/a)"
    assert len(pointed_at(shown)) == 2


def test_what_was_withdrawn_names_no_sources() -> None:
    shown = read([FOUND, Text("The moon[^1^]"), Finish("content_filter")], chat())
    assert shown[-1] == Finish("content_filter") and pointed_at(shown) == []


def test_marks_in_thinking_vanish() -> None:
    shown = read(
        [FOUND, Thinking("Hm[^1^]"), Thinking("\ue3a0cite\ue3a3t:1#0\ue3a8."), Text("a"), Finish("stop")], chat()
    )
    assert [event for event in shown if isinstance(event, Thinking)] == [Thinking("Hm"), Thinking(".")]


def test_what_is_held_back_is_told_with_what_decides_it() -> None:
    shaped = shape(chat(features=SILENT), Kind.KIMI)
    assert shaped([FOUND, Text("So "), Text("[^1")]) == [FOUND, Text("So ")]
    assert shaped([]) == shaped([Text("^")]) == []
    assert shaped([Text("]!"), Answering("s")]) == [Text("[1](https://moon.example/a)!"), Answering("s")]


@pytest.mark.parametrize(
    ("limits", "came", "text", "reason"),
    [
        (Limits(stop=("tides",)), [Text("The moon and ti"), Text("des and")], "The moon and ", "stop"),
        (Limits(stop=("](",)), [Text("See"), Text("[^1^] there")], "See[1", "stop"),
        (Limits(tokens=3), [Text("one two"), Text(" three four")], "one two three", "length"),
        (Limits(tokens=3), [Thinking("one two"), Text(" three four")], " three", "length"),
        (Limits(tokens=2), [Thinking("one two"), Thinking(" three")], "", "length"),
        (Limits(stop=("END",)), [Thinking("so END"), Text("so EN"), Text("D")], "so ", "stop"),
    ],
)
def test_a_limit_ends_the_answer_at_once(limits: Limits, came: list[Event], text: str, reason: str) -> None:
    shaped = shape(chat(limits.tokens, limits.stop), Kind.KIMI)
    *before, last = ([FOUND], *([event] for event in came))
    shown = [event for batch in before for event in shaped(batch)]
    assert not any(isinstance(event, Finish) for event in shown)
    shown += shaped([*last, Text("never"), Finish("stop")])
    assert text_of(shown) == text
    finish = shown[-1]
    assert isinstance(finish, Finish) and (finish.reason, finish.cut) == (reason, True)


def test_a_cut_answer_has_no_lines_and_speaks_of_what_is_shown() -> None:
    came: list[Event] = [FOUND, Text("The moon[^1^] and tides[^1^] turn"), Finish("stop")]
    shown = read(came, chat(stop=("tides",)))
    assert text_of(shown) == "The moon[1](https://moon.example/a) and "
    assert pointed_at(shown) == [("[1](https://moon.example/a)", MOON.url)]


def test_a_limit_in_what_was_held_back_to_the_end_needs_nobody_to_be_stopped() -> None:
    shown = read([Text("one two"), Text(" [^1 END"), Finish("stop")], chat(tokens=3, stop=("ENDE",)))
    assert shown[-1] == Finish("length", cut=True)
    shown = read([Text("one"), Text(" E"), Text("N"), Finish("stop")], chat(tokens=1, stop=(" END",)))
    assert (text_of(shown), shown[-1]) == ("one", Finish("length"))


@pytest.mark.parametrize("limits", [Limits(tokens=count(READ + LINES) - 1), Limits(stop=("\n\n",))])
def test_lines_that_do_not_fit_the_limits_are_left_out(limits: Limits) -> None:
    shown = read([FOUND, Text(MARKED), Finish("stop")], chat(limits.tokens, limits.stop))
    assert text_of(shown) == READ
    assert shown[-1] == Finish("stop")
    assert len(pointed_at(shown)) == 2


def test_lines_that_fit_are_part_of_the_tokens() -> None:
    shown = read([FOUND, Text(MARKED), Finish("stop")], chat(tokens=count(READ + LINES)))
    assert text_of(shown) == READ + LINES


@given(st.lists(st.integers(0, len(MARKED) + 9), max_size=8), st.sampled_from([(), ("tides",), ("](", "zzz")]))
def test_it_does_not_matter_how_an_answer_is_cut(cuts: list[int], stop: tuple[str, ...]) -> None:
    answer = f"{MARKED} `[^1^]`."
    edges = [0, *sorted(cuts), len(answer)]
    whole = read([FOUND, Text(answer), Finish("stop")], chat(stop=stop))
    parts = [Text(answer[start:end]) for start, end in pairwise(edges)]
    came: list[Event] = [FOUND, *parts, Finish("stop")]
    for shown in (read(came, chat(stop=stop)), shape(chat(stop=stop), Kind.KIMI)(came)):
        assert text_of(shown) == text_of(whole)
        assert [event for event in shown if isinstance(event, Annotation | Finish)] == [
            event for event in whole if isinstance(event, Annotation | Finish)
        ]


WORDS = st.sampled_from(
    ["The moon", " turns", "[^1^]", "[^", "1^]", "月亮绕着地球转，", "x(y", "\n", "====", "aB1-" * 9, "🌙"]
)
PIECES = st.lists(st.builds(Text, WORDS) | st.builds(Thinking, WORDS), max_size=25)


@given(PIECES, st.integers(1, 60))
def test_the_usage_that_is_told_is_within_the_limit(pieces: list[Event], tokens: int) -> None:
    shown = read([FOUND, *pieces, Finish("stop")], chat(tokens))
    tally = Tally(())
    for event in shown:
        tally.add([event])
    assert tally.usage.completion <= tokens
    finish = shown[-1]
    assert isinstance(finish, Finish)
    unlimited = read([FOUND, *pieces, Finish("stop")], chat())
    assert text_of(unlimited).startswith(text_of(shown))
    assert (
        finish.reason == "length"
        or text_of(unlimited) == text_of(shown)
        or (
            text_of(unlimited).startswith(text_of(shown) + "\n\n[1] [")  # the lines did not fit
        )
    )
