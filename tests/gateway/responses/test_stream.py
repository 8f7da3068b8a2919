"""An answer as typed events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openai
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent

from gateway.errors import Draining
from gateway.explaining import describe
from gateway.surfaces.wire import PIECE
from kimi.errors import AllBusy, BrokenAnswer, ContentRefused, ConversationLost, PromptTooLong, Unreachable
from kimi.events import Annotation, Event, Finish, Text, Thinking, ToolCall, Usage
from tests.gateway.responses.reading import ASKED, failing, render, stream, told, whole

GIVEN = Usage(5, 7, cached=2, reasoning=3)
TOOLS: dict[str, Any] = {
    **ASKED,
    "tools": [
        {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False},
        {"type": "custom", "name": "apply_patch", "description": "Edits files."},
        {
            "type": "namespace",
            "name": "mcp__files",
            "description": "Files",
            "tools": [{"type": "function", "name": "read"}],
        },
        {"type": "tool_search", "execution": "client", "description": "Finds tools", "parameters": {"type": "object"}},
    ],
}


def kinds(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


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


def test_calls_of_functions_are_told_as_they_come() -> None:
    events = render(
        [ToolCall(0, "call-1", "look", "")],
        [ToolCall(0, None, None, '{"q":'), ToolCall(0, None, None, '"月"}')],
        [ToolCall(1, None, "look", "{}")],
        [Finish("tool_calls")],
        body=TOOLS,
    )
    added, *deltas, done, item = [event for event in events if event.get("output_index") == 0]
    second = next(event for event in events if event.get("output_index") == 1)
    assert added["item"] == {
        "id": "fc_ab_0",
        "type": "function_call",
        "call_id": "call-1",
        "name": "look",
        "arguments": "",
        "status": "in_progress",
    }
    assert [each["delta"] for each in deltas] == ['{"q":', '"月"}']
    assert done["arguments"] == item["item"]["arguments"] == '{"q":"月"}'
    assert item["item"]["status"] == "completed"
    assert second["item"]["call_id"] == "call_ab_1"
    assert events[-1]["response"]["status"] == "completed"


def test_calls_have_the_form_of_the_tools_that_they_are_of() -> None:
    patch = "*** Begin Patch\n"
    events = render(
        [ToolCall(0, "a", "apply_patch", '{"input":"*** Begin '), ToolCall(0, None, None, 'Patch\\n"}')],
        [ToolCall(1, "b", "mcp__files__read", "{}"), ToolCall(2, "c", "tool_search", '{"query":"x"}')],
        [Finish("tool_calls")],
        body=TOOLS,
    )
    custom, read, search = events[-1]["response"]["output"]
    assert (custom["type"], custom["name"], custom["call_id"], custom["input"]) == (
        "custom_tool_call",
        "apply_patch",
        "a",
        patch,
    )
    assert (read["type"], read["namespace"], read["name"], read["arguments"]) == (
        "function_call",
        "mcp__files",
        "read",
        "{}",
    )
    assert (search["type"], search["execution"], search["arguments"], search["call_id"]) == (
        "tool_search_call",
        "client",
        {"query": "x"},
        "c",
    )
    assert [event["delta"] for event in events if event["type"] == "response.custom_tool_call_input.delta"] == [patch]
    assert [event["input"] for event in events if event["type"] == "response.custom_tool_call_input.done"] == [patch]


@pytest.mark.parametrize("arguments", ["*** Begin Patch", '{"patch":"x"}', '"x"', ""])
def test_what_is_no_input_of_a_custom_tool_is_given_as_it_is(arguments: str) -> None:
    events: list[Event] = [ToolCall(0, "a", "apply_patch", arguments), Finish("tool_calls")]
    assert whole(*events, body=TOOLS)["output"][0]["input"] == arguments


def test_arguments_of_a_search_that_nobody_could_write_are_left_out() -> None:
    deep = '{"a":' * 300 + "1" + "}" * 300
    answer = whole(ToolCall(0, "a", "tool_search", deep), Finish("tool_calls"), body=TOOLS)
    assert answer["output"][0]["arguments"] == {}


def test_calls_that_are_mixed_up_are_no_answer() -> None:
    pieces: list[Event] = [ToolCall(0, "a", "look", "{"), ToolCall(1, "b", "look", "{}"), ToolCall(0, None, None, "}")]
    with pytest.raises(BrokenAnswer):
        render(pieces, body=TOOLS)
    with pytest.raises(BrokenAnswer):
        whole(*pieces, body=TOOLS)


def test_the_end_of_a_stream_of_such_calls_follows_what_was_sent() -> None:
    rendered = stream(TOOLS)
    sent = rendered.render([ToolCall(0, "a", "look", "{}")])
    with pytest.raises(BrokenAnswer):
        rendered.render([ToolCall(1, "b", "look", "{}"), ToolCall(0, None, None, "}")])
    events = told(sent + rendered.fail(describe(BrokenAnswer("mixed up"), "r")))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert kinds(events)[-2:] == ["error", "failed"]


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


@pytest.mark.parametrize(
    ("error", "code", "failed"),
    [
        (Draining(), "shutting_down", "server_error"),
        (Unreachable(), "upstream_error", "server_error"),
        (AllBusy(retry_after=3), "rate_limit_exceeded", "rate_limit_exceeded"),
        (ContentRefused(), "content_filter", "invalid_prompt"),
        (ConversationLost("gone"), "previous_response_not_found", "invalid_prompt"),
    ],
)
def test_a_failure_ends_the_stream_with_a_response_that_has_failed(error: Exception, code: str, failed: str) -> None:
    events = failing(describe(error, "r"), [Thinking("Hm")], [Text("Half an ans")])
    assert kinds(events)[-2:] == ["error", "failed"]
    *_, told, last = events
    assert told["code"] == told["error"]["code"] == code
    assert told["message"] == told["error"]["message"]
    assert last["response"]["error"]["message"].startswith(told["message"])
    response = last["response"]
    assert (response["status"], response["error"]["code"]) == ("failed", failed)
    assert [item.get("status") for item in response["output"]] == [None, "incomplete"]
    assert response["usage"]["output_tokens"] > 0


def test_when_to_come_back_is_told_without_headers() -> None:
    *_, last = failing(describe(AllBusy(retry_after=2.4), "r"), [Text("Half an ans")])
    assert last["response"]["error"]["message"].endswith("Please try again in 3s.")
    *_, last = failing(describe(Unreachable(), "r"), [Text("Half an ans")])
    assert "try again in" not in last["response"]["error"]["message"]


def test_what_codex_looks_for_is_told_in_its_words() -> None:
    problem = describe(PromptTooLong("shorter", limit=10, size=20, unit="tokens"), "r")
    with pytest.raises(pydantic.ValidationError):  # OpenAI's types do not know the code that its servers send
        failing(problem)


def test_nobody_hears_of_the_end_of_a_call_that_has_none() -> None:
    events = failing(describe(Draining(), "r"), [ToolCall(0, "a", "look", '{"q')], body=TOOLS)
    assert "output_item.done" not in kinds(events)
    assert events[-1]["response"]["output"][0]["status"] == "incomplete"


def test_a_failure_before_anything_is_a_whole_stream() -> None:
    assert kinds(failing(describe(Draining(), "r"))) == ["created", "in_progress", "error", "failed"]


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


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.lists(st.builds(Text, texts) | st.builds(Thinking, texts), max_size=12)
calls = st.lists(st.tuples(st.sampled_from(["look", "apply_patch", "mcp__files__read", "other"]), texts), max_size=3)
ends = st.sampled_from(["stop", "tool_calls"])


@settings(deadline=None)
@given(words, calls, ends, st.data())
def test_what_the_sdk_makes_of_the_stream_is_the_whole_response(
    said: list[Text | Thinking], called: list[tuple[str, str]], end: Any, data: st.DataObject
) -> None:
    events: list[Event] = [*said]
    for index, (name, arguments) in enumerate(called):
        half = len(arguments) // 2
        events.append(ToolCall(index, f"call-{index}", name, arguments[:half]))
        events.append(ToolCall(index, None, None, arguments[half:]))
    events.append(Finish(end))
    batches = []
    while events:
        size = data.draw(st.integers(1, len(events)))
        batches.append(events[:size])
        events = events[size:]
    rendered = stream(TOOLS)
    raw = b""
    for batch in batches:
        raw += rendered.heartbeat() if data.draw(st.booleans()) else b""
        raw += rendered.render(batch)
    state: ResponseStreamState[None] = ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)
    for event in told(raw):
        state.handle_event(adapter.validate_python(event))
    completed = state._completed_response
    assert completed is not None
    expected = whole(*(event for batch in batches for event in batch), body=TOOLS)
    accumulated = completed.to_dict()
    assert without_what_was_parsed(accumulated) == Response.model_validate(expected).to_dict()
    pieces = deltas(told(raw))
    for item in expected["output"]:
        assert pieces.get(item["id"], "") == content(item)


def without_what_was_parsed(value: Any) -> Any:
    """What the SDK has received, without what it has made of that."""
    if isinstance(value, dict):
        inner = {name: each for name, each in value.items() if name not in ("parsed", "parsed_arguments")}
        return {name: without_what_was_parsed(each) for name, each in inner.items()}
    return [without_what_was_parsed(each) for each in value] if isinstance(value, list) else value


def deltas(events: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What the pieces of each item come to."""
    found: dict[str, str] = {}
    for event in events:
        if "delta" in event:
            found[event["item_id"]] = found.get(event["item_id"], "") + event["delta"]
    return found


def content(item: dict[str, Any]) -> str:
    match item["type"]:
        case "message":
            return str(item["content"][0]["text"])
        case "reasoning":
            return str(item["summary"][0]["text"])
        case "custom_tool_call":
            return str(item["input"])
    return str(item["arguments"])
