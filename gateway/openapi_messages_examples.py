"""Examples of Anthropic's Messages. A test puts each request to a gateway and holds the answer against its schema."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_words import Json, example, stream

_TOOL: Final[Json] = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"enum": ["北京", "Bonn"]}}, "required": ["city"]},
}
_CALL: Final[Json] = {"type": "tool_use", "id": "toolu_1f0c", "name": "get_weather", "input": {"city": "北京"}}
_PLAN: Final[Json] = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}


def _asked(content: Any, **fields: Any) -> Json:
    messages = [{"role": "user", "content": content}]
    return {"model": "claude-sonnet-4-5", "max_tokens": 1_000, "messages": messages, **fields}


def _message(content: list[Any], reason: str | None, tokens: int) -> Json:
    return {
        "id": "msg_e5358f6f8bed",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 8, "output_tokens": tokens},
    }


REQUESTS: Final[Json] = {
    "question": example("A question", _asked("你好！", system="Be brief.")),
    "streamed": example(
        "A stream with thinking",
        _asked("Is 1729 a prime?", stream=True, thinking={"type": "enabled", "budget_tokens": 1_024}),
    ),
    "document": example(
        "A document",
        _asked(
            [
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "Hello, Kimi!"},
                    "title": "note.txt",
                },
                {"type": "text", "text": "What does it say?"},
            ]
        ),
    ),
    "tools": example("Offer a tool", _asked("天气怎么样？", tools=[_TOOL], tool_choice={"type": "any"})),
    "result": example(
        "Bring what came of a call",
        {
            "model": "kimi",
            "max_tokens": 1_000,
            "messages": [
                {"role": "user", "content": "天气怎么样？"},
                {"role": "assistant", "content": [_CALL]},
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "toolu_1f0c", "content": "晴，22°C"}],
                },
            ],
            "tools": [_TOOL],
        },
    ),
    "search": example(
        "Search the web",
        _asked("What happened today?", tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    ),
    "json": example(
        "An answer in JSON",
        _asked("Plan a trip to Bonn.", output_config={"format": {"type": "json_schema", "schema": _PLAN}}),
    ),
}
COUNTED: Final[Json] = {
    "count": example("A question", {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "你好！"}]})
}
ANSWERS: Final[Json] = {
    "answer": example("A message", _message([{"type": "text", "text": "你好！", "citations": None}], "end_turn", 3)),
    "called": example("A tool is called", _message([_CALL], "tool_use", 21)),
}
STREAMS: Final[Json] = {
    "stream": example(
        "A stream",
        stream(
            {"type": "message_start", "message": _message([], None, 0)},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "你好！"}},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"input_tokens": 8, "output_tokens": 3},
            },
            {"type": "message_stop"},
            named=True,
        ),
    ),
    "failed": example(
        "A stream that fails",
        stream(
            {"type": "message_start", "message": _message([], None, 0)},
            {"type": "error", "error": {"type": "timeout_error", "message": "Kimi did not answer in time."}},
            named=True,
        ),
    ),
}
