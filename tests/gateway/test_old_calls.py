from __future__ import annotations

from typing import Any

import orjson

from gateway.surfaces.old_calls import OldChatAnswer, OldChatStream
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import PIECE, Identity
from kimi.chat import Message
from kimi.events import Event, Finish, Text, ToolCall

IDENTITY = Identity(id="c", created=1, model="kimi")
TALLY = (Message("user", "hi"),)
CALL = ToolCall(0, "call_1", "f", '{"a":1}')


def choices(*events: Event) -> list[dict[str, Any]]:
    stream = OldChatStream(IDENTITY, Tally(TALLY), include_usage=False)
    lines = b"".join(stream.render([event]) for event in events).decode().split("\n\n")
    return [orjson.loads(line[6:])["choices"][0] for line in lines if line.startswith("data: {")]


def test_a_stream_tells_the_call_in_the_old_way() -> None:
    _, first, finish = choices(CALL, Finish("tool_calls"))
    assert first["delta"] == {"function_call": {"name": "f", "arguments": '{"a":1}'}}
    assert finish["finish_reason"] == "function_call"


def test_a_long_call_names_its_function_once() -> None:
    long = "x" * (2 * PIECE)
    _, *pieces, _ = choices(ToolCall(0, "i", "f", long), Finish("tool_calls"))
    assert [piece["delta"]["function_call"].get("name") for piece in pieces] == ["f", *[None] * (len(pieces) - 1)]
    assert "".join(piece["delta"]["function_call"]["arguments"] for piece in pieces) == long


def test_there_is_one_call_to_an_answer() -> None:
    assert len(choices(CALL, ToolCall(1, "call_2", "g", "{}"), Finish("tool_calls"))) == 3


def test_a_whole_answer_tells_it_in_the_old_way() -> None:
    answer = OldChatAnswer(IDENTITY, Tally(TALLY))
    answer.add([CALL, Finish("tool_calls")])
    (choice,) = orjson.loads(answer.body())["choices"]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"] == {
        "role": "assistant",
        "content": "",
        "refusal": None,
        "function_call": {"name": "f", "arguments": '{"a":1}'},
    }


def test_an_answer_without_a_call_is_as_it_is() -> None:
    answer = OldChatAnswer(IDENTITY, Tally(TALLY))
    answer.add([Text("hi"), Finish("stop")])
    (choice,) = orjson.loads(answer.body())["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("stop", "hi")
