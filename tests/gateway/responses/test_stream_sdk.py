"""What OpenAI's own client makes of the events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openai
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response

from kimi.events import Event, Finish, Text, Thinking, ToolCall
from tests.gateway.responses.reading import EVENT, TOOLS, stream, told, whole

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
    heard = told(raw)
    for event in heard:
        state.handle_event(EVENT.validate_python(event))
    completed = state._completed_response
    assert completed is not None
    expected = whole(*(event for batch in batches for event in batch), body=TOOLS)
    accumulated = completed.to_dict()
    assert without_what_was_parsed(accumulated) == Response.model_validate(expected).to_dict()
    pieces = deltas(heard)
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
