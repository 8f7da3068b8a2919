"""Examples of chat completions. A test puts each request to a gateway and holds the answer against its schema."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_words import Json, example, stream

_HEAD: Final[Json] = {"id": "chatcmpl-b49d011c5c71", "object": "chat.completion", "created": 1_795_311_548}
_CHUNK: Final[Json] = {**_HEAD, "object": "chat.completion.chunk", "model": "kimi"}
_USAGE: Final[Json] = {"prompt_tokens": 8, "completion_tokens": 11, "total_tokens": 19}
_WEATHER: Final[Json] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"enum": ["北京", "Bonn"]}}, "required": ["city"]},
    },
}
_CALL: Final[Json] = {
    "id": "call_1f0c",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"北京"}'},
}
_PLAN: Final[Json] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["title", "days"],
}
_PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcS"
    "JAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def _asked(content: Any, **fields: Any) -> Json:
    return {"model": "kimi", "messages": [{"role": "user", "content": content}], **fields}


def _answer(content: str, reason: str = "stop", **message: Any) -> Json:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "logprobs": None,
        "finish_reason": reason,
    }
    return {**_HEAD, "model": "kimi", "choices": [choice], "usage": _USAGE}


def _delta(reason: str | None = None, **delta: Any) -> Json:
    return {**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


REQUESTS: Final[Json] = {
    "question": example("A question", _asked("你好！")),
    "streamed": example(
        "A stream, with its usage at the end", _asked("你好！", stream=True, stream_options={"include_usage": True})
    ),
    "thinking": example("Think before", {**_asked("Is 1729 a prime?", stream=True), "model": "kimi-thinking"}),
    "search": example("Search the web", _asked("What happened today?", use_search=True)),
    "conversation": example(
        "Begin a conversation that goes on by the `id` of its answer",
        _asked("My name is Ada.", conversation_id="none"),
    ),
    "files": example(
        "An image and a document",
        _asked(
            [
                {"type": "text", "text": "What do you see, and what does it say?"},
                {"type": "image_url", "image_url": {"url": _PIXEL}},
                {"type": "file", "file": {"filename": "note.txt", "file_data": "SGVsbG8sIEtpbWkh"}},
            ]
        ),
    ),
    "tools": example("Offer a tool", _asked("天气怎么样，北京？", tools=[_WEATHER], tool_choice="required")),
    "result": example(
        "Bring what came of a call",
        {
            "model": "kimi",
            "messages": [
                {"role": "user", "content": "天气怎么样，北京？"},
                {"role": "assistant", "content": None, "tool_calls": [_CALL]},
                {"role": "tool", "tool_call_id": "call_1f0c", "content": "晴，22°C"},
            ],
            "tools": [_WEATHER],
        },
    ),
    "json": example(
        "An answer in JSON",
        _asked(
            "Plan a trip to Bonn.",
            response_format={"type": "json_schema", "json_schema": {"name": "plan", "schema": _PLAN}},
        ),
    ),
}
ANSWERS: Final[Json] = {
    "answer": example("An answer", _answer("你好！有什么可以帮你？")),
    "thought": example("With what the model thought", _answer("No: 7·13·19.", reasoning_content="1729 = 7·247…")),
    "called": example("A tool is called", _answer("", "tool_calls", tool_calls=[_CALL])),
    "sources": example(
        "With sources",
        _answer(
            "It rains in Bonn. [1](https://example.com/a)",
            annotations=[
                {
                    "type": "url_citation",
                    "url_citation": {
                        "start_index": 18,
                        "end_index": 44,
                        "url": "https://example.com/a",
                        "title": "Weather",
                    },
                }
            ],
        ),
    ),
}
STREAMS: Final[Json] = {
    "stream": example(
        "A stream",
        stream(
            _delta(role="assistant", content=""),
            _delta(content="你好！"),
            _delta(content="有什么可以帮你？"),
            _delta("stop"),
            {**_CHUNK, "choices": [], "usage": _USAGE},
            "[DONE]",
        ),
    ),
    "failed": example(
        "A stream that fails half-way",
        stream(
            _delta(role="assistant", content=""),
            _delta(content="你好！"),
            {
                **_CHUNK,
                "choices": [],
                "usage": {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11},
                "error": {
                    "message": "The connection to Kimi could not be made, or it broke.",
                    "type": "server_error",
                    "code": "upstream_error",
                    "param": None,
                },
            },
            "[DONE]",
        ),
    ),
}
