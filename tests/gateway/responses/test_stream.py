"""An answer as typed events."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.surfaces.responses.rendering import LONG
from gateway.surfaces.wire import PIECE
from kimi.events import Annotation, Event, Finish, Text, Thinking, ToolCall, Usage
from tests.gateway.responses.reading import TOOLS, kinds, render, stream, told, whole
from tests.gateway.turns import counted_turns

GIVEN = Usage(5, 7, cached=2, reasoning=3)


def test_an_ordinary_answer() -> None:
    events = render([Text("For")], [Text("ty-")], [Text("two 😀\n")], [Finish("stop", GIVEN)])
    assert kinds(events) == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    created, _, added, part, *deltas, text, closed, item, completed = events
    assert (created["response"]["id"], created["response"]["status"]) == ("resp_ab", "in_progress")
    assert (created["response"]["output"], created["response"]["usage"]) == ([], None)
    assert added["item"] == {
        "id": "msg_ab_0",
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
    }
    assert part["part"] == {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    assert [(each["delta"], each["item_id"], each["output_index"]) for each in deltas] == [
        ("For", "msg_ab_0", 0),
        ("ty-", "msg_ab_0", 0),
        ("two 😀\n", "msg_ab_0", 0),
    ]
    assert text["text"] == closed["part"]["text"] == item["item"]["content"][0]["text"] == "Forty-two 😀\n"
    assert item["item"]["status"] == "completed"
    response = completed["response"]
    assert (response["status"], response["output"]) == ("completed", [item["item"]])
    assert (response["created_at"], response["completed_at"]) == (17, 19)
    assert response["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 12,
    }


def test_the_end_of_a_long_answer_comes_piece_by_piece() -> None:
    rendered = stream()
    begun = rendered.render([Text("x" * LONG)])
    end = [rendered.render([Finish("stop", GIVEN)])]
    assert rendered.usage.completion == 7
    while piece := rendered.render(()):
        end.append(piece)
    assert [kinds(told(piece)) for piece in end] == [
        ["output_text.done"],
        ["content_part.done"],
        ["output_item.done"],
        ["completed"],
    ]
    events = told(b"".join((begun, *end)))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "x" * LONG


def test_the_end_of_any_other_is_one_piece() -> None:
    rendered = stream()
    rendered.render([Text("x")])
    assert kinds(told(rendered.render([Finish("stop")])))[-2:] == ["output_item.done", "completed"]
    assert rendered.render(()) == b""


def test_others_have_their_turn_at_the_end_of_a_long_answer_that_is_no_stream() -> None:
    with counted_turns() as turns:
        for size, is_long in ((10, False), (LONG, True)):
            response = whole(Text("x" * size), Finish("stop"))
            assert response["output"][0]["content"][0]["text"] == "x" * size
            assert (turns.many > 0) is is_long


def test_thinking_is_an_item_of_its_own_and_its_summary() -> None:
    events = render([Thinking("Hm")], [Thinking(".")], [Text("Forty-two, of course.")], [Finish("stop")])
    assert kinds(events)[2:9] == [
        *("output_item.added", "reasoning_summary_part.added"),
        *("reasoning_summary_text.delta", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
    ]
    assert events[8]["item"] == {
        "id": "rs_ab_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "",
    }
    response = events[-1]["response"]
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    assert 0 < response["usage"]["output_tokens_details"]["reasoning_tokens"] < response["usage"]["output_tokens"]


def test_items_are_open_one_at_a_time() -> None:
    """Codex knows one item that is open, and takes every piece for a part of it."""
    script: list[Event] = [
        Text("a"),
        Thinking("b"),
        Text("c"),
        ToolCall(0, "call-1", "look", "{}"),
        Finish("tool_calls"),
    ]
    open_item: int | None = None
    for event in render(*([each] for each in script), body=TOOLS)[2:-1]:
        if event["type"] == "response.output_item.added":
            assert open_item is None
            open_item = event["output_index"]
        assert event["output_index"] == open_item
        if event["type"] == "response.output_item.done":
            open_item = None
    assert open_item is None


def test_pages_are_told_with_their_places_in_the_message() -> None:
    notes = [Annotation(1, 3, "https://moon.example/", "Moon"), Annotation(4, 5, "https://tides.example/", "潮汐")]
    script: list[Event] = [Text("abc"), Thinking("x"), Text("def"), *notes, Finish("stop")]
    events = render(*([event] for event in script))
    first, second = [event for event in events if event["type"] == "response.output_text.annotation.added"]
    assert (first["item_id"], first["annotation_index"]) == ("msg_ab_0", 0)
    assert (second["item_id"], second["annotation_index"]) == ("msg_ab_2", 0)
    assert second["annotation"] == {
        "type": "url_citation",
        "start_index": 1,
        "end_index": 2,
        "url": "https://tides.example/",
        "title": "潮汐",
    }
    told_first, _, told_second = events[-1]["response"]["output"]
    assert told_first["content"][0]["annotations"] == [first["annotation"]]
    assert told_second["content"][0]["annotations"] == [second["annotation"]]


def test_pages_without_a_word_are_no_message() -> None:
    note = Annotation(0, 0, "https://moon.example/", "Moon")
    events = render([ToolCall(0, "a", "look", "{}")], [note, Finish("tool_calls")], body=TOOLS)
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["function_call"]


@pytest.mark.parametrize(("reason", "told"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_off_is_incomplete(reason: Any, told: str) -> None:
    last = render([Text("Well, ")], [Finish(reason)])[-1]
    assert last["type"] == "response.incomplete"
    response = last["response"]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": told})
    assert (response["output"][0]["status"], response["completed_at"]) == ("incomplete", None)


def test_an_answer_of_nothing_is_still_a_response() -> None:
    assert kinds(render([Finish("length", GIVEN)])) == ["created", "in_progress", "incomplete"]


def test_tools_are_told_again_with_all_that_a_function_has() -> None:
    look, *others = whole(Text("a"), Finish("stop"), body=TOOLS)["tools"]
    assert look == {**TOOLS["tools"][0], "description": None}
    assert others == TOOLS["tools"][1:]


def test_what_is_nothing_to_the_reader_is_not_sent() -> None:
    rendered = stream()
    assert rendered.render([]) == b""
    assert rendered.render([Text(""), Thinking("")]) == b""


def test_a_long_piece_is_cut_into_events_that_fit() -> None:
    text = "月\x00" * 20_000
    events = render([Text("a")], [Text(text)], [Finish("stop")])
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == "a" + text
    assert max(len(delta.encode()) for delta in deltas) <= PIECE


def test_halves_of_a_character_do_no_harm() -> None:
    events = render([Text("a")], [Text("\ud83d")], [Text("b\ud83d\ude00")], [Finish("stop")])
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "a\ufffdb😀"


def test_heartbeats_are_events_as_codex_hears_nothing_else() -> None:
    rendered = stream()
    sent = [rendered.heartbeat(), rendered.heartbeat(), rendered.render([Text("a")]), rendered.render([Text("b")])]
    sent += [rendered.heartbeat(), rendered.render([Finish("stop")])]
    events = told(b"".join(sent))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert kinds(events) == [
        *("created", "in_progress", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "in_progress"),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
