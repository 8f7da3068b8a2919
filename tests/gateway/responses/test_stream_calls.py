"""Calls of tools as typed events."""

from __future__ import annotations

import pytest

from gateway.explaining import describe
from kimi.errors import BrokenAnswer
from kimi.events import Event, Finish, ToolCall
from tests.gateway.responses.reading import TOOLS, kinds, render, stream, told, whole


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
