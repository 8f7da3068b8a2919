from __future__ import annotations

import pytest

from kimi.errors import BrokenAnswer
from kimi.events import Annotation, Answering, Finish, Text, Thinking, ToolCall, Usage
from tests.gateway.messages.reading import answer, whole


def test_a_whole_message() -> None:
    assert whole(Answering("s"), Text("Forty-"), Text("two 😀"), Finish("stop", Usage(5, 7))) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": 'claude "x"',
        "content": [{"type": "text", "text": "Forty-two 😀", "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 7,
            "output_tokens_details": None,
            "server_tool_use": None,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard",
            "inference_geo": None,
        },
    }


def test_thinking_and_calls_are_blocks_in_the_order_in_which_they_began() -> None:
    message = whole(
        Thinking("H"),
        Thinking("m."),
        ToolCall(1, "b", "find", ""),
        ToolCall(0, "a", "look", '{"q":'),
        Text("And?"),
        ToolCall(0, None, None, "1}"),
        Finish("stop"),
    )
    assert message["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "bXNnXzE="},
        {"type": "tool_use", "id": "b", "name": "find", "input": {}, "caller": {"type": "direct"}},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"q": 1}, "caller": {"type": "direct"}},
        {"type": "text", "text": "And?", "citations": None},
    ]
    assert message["stop_reason"] == "tool_use"


def test_thinking_can_be_left_out() -> None:
    events = (Thinking("Hm."), Text("Yes."), Finish("stop"))
    omitted, hidden = whole(*events, thinking="omitted"), whole(*events, thinking="hidden")
    assert [(block["type"], block.get("thinking")) for block in omitted["content"]] == [
        ("thinking", ""),
        ("text", None),
    ]
    assert [block["type"] for block in hidden["content"]] == ["text"]
    assert hidden["usage"]["output_tokens"] == whole(*events)["usage"]["output_tokens"]


@pytest.mark.parametrize("arguments", ["{", "[1]", "nothing", "1"])
def test_a_call_that_is_none_is_no_answer(arguments: str) -> None:
    made = answer()
    made.add([ToolCall(0, "a", "look", arguments), Finish("tool_calls")])
    with pytest.raises(BrokenAnswer):
        made.body()


def test_a_call_is_made_with_what_was_written_however_large_or_deep() -> None:
    made = answer()
    deep = '{"q":' * 400 + "123456789012345678901234567890" + "}" * 400
    made.add([ToolCall(0, "a", "look", deep), Finish("tool_calls")])
    assert b'"input":' + deep.encode() in made.body()


def test_a_call_that_was_cut_off_must_not_be_made() -> None:
    message = whole(Text("So:"), ToolCall(0, "a", "look", '{"q":'), Finish("length"))
    assert (message["stop_reason"], [block["type"] for block in message["content"]]) == ("max_tokens", ["text"])


def test_sources_are_citations_of_the_last_text() -> None:
    note = Annotation(3, 7, "https://moon.example/a", 'The "moon"')
    cited = whole(Text("The moon"), note, Finish("stop"))["content"][0]["citations"]
    assert [(each["url"], each["title"]) for each in cited] == [("https://moon.example/a", 'The "moon"')]
    first, _ = whole(Text("a"), note, ToolCall(0, "t", "look", "{}"), Finish("tool_calls"))["content"]
    assert first["citations"] is None


def test_halves_of_a_character_that_came_apart_are_joined() -> None:
    assert whole(Text("\ud83d"), Text("\ude00"), Finish("stop"))["content"][0]["text"] == "😀"
