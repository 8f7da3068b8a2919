from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tools.calling import MOST_CALLS, MOST_COMPLAINTS, Calling
from kimi.chat import Tools
from kimi.errors import CallsUnfit
from kimi.events import Again, Answering, Event, Finish, FinishReason, Sources, Text, Thinking, ToolCall, Usage
from tests.gateway.tools.tagged import SEAL, TOOLS, T, call, native, section

BONN = '{"city":"Bonn"}'
RAIN = call("get_weather", BONN)
REQUIRED = replace(TOOLS, choice="required")


def through(tools: Tools, pieces: Sequence[str], reason: FinishReason = "stop") -> list[Event]:
    """What becomes of an answer; pieces that touch are one."""
    calling = Calling(tools, T, SEAL.knows, "call_{}".format)
    events: list[Event] = []
    batches: list[Sequence[Event]] = [(Text(piece),) for piece in pieces]
    batches.append((Finish(reason),))
    for batch in batches:
        for event in calling.feed(batch):
            if isinstance(event, Text) and events and isinstance(events[-1], Text):
                events[-1] = Text(events[-1].text + event.text)
            else:
                events.append(event)
        if events and isinstance(events[-1], Finish | Again):
            break
    return events


def rain(index: int = 0, number: int | None = None) -> ToolCall:
    """A call with its place among those that are right, and its number among all."""
    return ToolCall(index, f"call_{number or index + 1}", "get_weather", BONN)


CALLED = Finish("tool_calls")
CUT = Finish("tool_calls", cut=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RAIN, [rain(), CALLED]),
        (f"\n\n{RAIN}\n", [rain(), CALLED]),
        (f"Let me look.\n{RAIN}", [Text("Let me look.\n"), rain(), CALLED]),
        (f"{RAIN}\n{RAIN}", [rain(), rain(1), CALLED]),
        (section(native("get_weather", BONN), native("get_weather", BONN, 1)), [rain(), rain(1), CALLED]),
        (f"{RAIN}\nIt rains: 12 °C. {RAIN}", [rain(), CUT]),
        (f"{RAIN}<result-{T}>12 °C</result-{T}>", [rain(), CUT]),
        (
            f"{call('clocc')} and\n{RAIN}",
            [rain(number=2), CUT],
        ),  # nobody can go on behind a call that its client does not know
        (f"{RAIN}\n{call('clocc')}", [rain(), CUT]),
        (RAIN.removesuffix(f"</call-{T}>"), [rain(), CALLED]),
        ("No rain.", [Text("No rain."), Finish("stop")]),
        (f"So:\n```\n{RAIN}\n```", [Text(f"So:\n```\n{RAIN}\n```"), Finish("stop")]),
        ("  ", [Text("  "), Finish("stop")]),
        ("", [Finish("stop")]),
    ],
)
def test_what_becomes_of_an_answer(text: str, expected: list[Event]) -> None:
    assert through(TOOLS, [text]) == expected
    assert through(TOOLS, list(text)) == expected


@given(
    st.lists(st.sampled_from([RAIN, call("clocc"), " ", "\n", "word ", "`", "```\n", f"<call-{T}", "<"]), max_size=6),
    st.data(),
)
def test_nothing_depends_on_the_pieces(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    at = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]
    for tools in (TOOLS, REQUIRED, replace(TOOLS, is_parallel=False)):
        assert repr(through(tools, pieces)) == repr(through(tools, [text])), "errors are never equal"


def test_one_call_at_a_time_where_the_client_wants_it() -> None:
    assert through(replace(TOOLS, is_parallel=False), [RAIN, "\n", RAIN]) == [rain(), CUT]
    assert through(replace(TOOLS, is_parallel=False), [RAIN, "\n"]) == [rain(), CALLED]


def test_a_model_that_never_stops_calling_is_stopped() -> None:
    events = through(TOOLS, [RAIN * (MOST_CALLS + 5)])
    assert len(events) == MOST_CALLS + 1 and events[-1] == CUT


@pytest.mark.parametrize(
    ("tools", "text", "words", "says"),
    [
        (TOOLS, call("clocc"), "there is no tool of that name", "`clocc`"),
        (TOOLS, call("get_weather", '{"days": 1}'), "city", "do not fit"),
        (TOOLS, f"{call('clocc')}\nThe result is 7.", "there is no tool", "`clocc`"),
        (TOOLS, RAIN[: RAIN.index("}")], "no JSON", "no JSON"),
        (REQUIRED, "I would rather not.", "has to call at least one", "called no tool"),
        (REQUIRED, "", "has to call at least one", "called no tool"),
        (REQUIRED, f"```\n{RAIN}\n```", "no code block", "called no tool"),
        (replace(TOOLS, choice="named", name="clock"), RAIN, "only `clock`", "only `clock`"),
        (replace(TOOLS, choice="none"), RAIN, "answer yourself", "none can be called"),
    ],
)
def test_where_no_call_is_right_the_model_is_asked_again(tools: Tools, text: str, words: str, says: str) -> None:
    for pieces in ([text], list(text)):
        *shown, again = through(tools, pieces)
        assert isinstance(again, Again)
        assert isinstance(again.error, CallsUnfit)
        assert words in again.words and says in again.error.explained
        assert shown == []


def test_of_many_wrong_calls_not_all_are_told_and_nobody_looks_for_a_right_one_behind_them() -> None:
    (again,) = through(TOOLS, [call("clocc") * 1_000 + RAIN])
    assert isinstance(again, Again) and again.words.count("clocc") == MOST_COMPLAINTS
    assert through(TOOLS, [call("clocc") * (MOST_COMPLAINTS - 1) + RAIN]) == [rain(number=MOST_COMPLAINTS), CUT]


def test_what_was_said_before_is_kept_apart_from_what_comes_then() -> None:
    first, last = through(TOOLS, ["Let me look.", call("clocc")])
    assert (first, type(last)) == (Text("Let me look.\n\n"), Again)


def test_where_a_tool_has_to_be_called_words_are_not_shown() -> None:
    assert through(REQUIRED, ["Let me look.\n", RAIN]) == [rain(), CALLED]


@pytest.mark.parametrize("tools", [TOOLS, REQUIRED])
def test_a_call_that_the_output_limit_has_cut_is_no_call(tools: Tools) -> None:
    assert through(tools, [RAIN[: RAIN.index("}")]], "length") == [Finish("length")]


def test_what_the_filter_has_withdrawn_is_not_asked_for_again() -> None:
    assert through(REQUIRED, ["No."], "content_filter") == [Finish("content_filter")]
    assert through(TOOLS, [RAIN], "content_filter") == [rain(), Finish("content_filter")]


def test_what_is_thought_of_a_call_is_none_and_shows_no_tag() -> None:
    calling = Calling(TOOLS, T, SEAL.knows, lambda _: "x")
    shown = [*calling.feed((Thinking("I write <call-"),)), *calling.feed((Thinking(f'{T} name="clock">'),))]
    shown += calling.feed((Thinking("{}"),))
    shown += calling.feed((Text("Hello"), Finish("stop")))
    assert shown == [Thinking("I write "), Thinking("{}"), Text("Hello"), Finish("stop")]


def test_thinking_flows_though_a_call_begins_in_it() -> None:
    calling = Calling(TOOLS, T, SEAL.knows, lambda _: "x")
    assert calling.feed((Thinking(f'I write <call-{T} name="clock">'),)) == [Thinking("I write ")]
    assert calling.feed((Thinking("and think on, "),)) == [Thinking("and think on, ")]
    assert calling.feed((Thinking("for long."),)) == [Thinking("for long.")]
    assert calling.feed((Text(RAIN), Finish("stop")))[-1] == CALLED


@pytest.mark.parametrize(
    ("kind", "shown"), [(Thinking, [Thinking("{}")]), (Text, [ToolCall(0, "x", "clock", "{}"), CALLED])]
)
def test_pages_that_are_found_meanwhile_tear_no_tag(kind: type[Thinking | Text], shown: list[Event]) -> None:
    calling = Calling(TOOLS, T, SEAL.knows, lambda _: "x")
    assert calling.feed((kind("So <call-"), Sources(()))) == [kind("So "), Sources(())]
    assert calling.feed((kind(T[:3]), Sources(()))) == [Sources(())]
    came = [*calling.feed((kind(f'{T[3:]} name="clock">{{}}</call-{T}'),)), *calling.feed((Finish("stop"),))]
    assert came[: len(shown)] == shown


def test_all_else_passes_in_its_order() -> None:
    calling = Calling(TOOLS, T, SEAL.knows, lambda _: "x")
    batch = (Answering("s"), Thinking("hm"), Text("a"))
    assert list(calling.feed(batch)) == list(batch)
    usage = Usage(1, 2)
    assert calling.feed((Text(RAIN), Finish("stop", usage))) == [
        ToolCall(0, "x", "get_weather", BONN),
        Finish("tool_calls", usage),
    ]
