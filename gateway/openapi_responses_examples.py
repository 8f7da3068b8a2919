"""Examples of OpenAI's Responses. A test puts each request to a gateway and holds the answer against its schema."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_words import Json, example, stream

_TEXT: Final[Json] = {"type": "output_text", "annotations": [], "logprobs": [], "text": "你好！"}
_MESSAGE: Final[Json] = {"id": "msg_9f70_0", "type": "message", "role": "assistant"}
_USAGE: Final[Json] = {"input_tokens": 8, "output_tokens": 3, "total_tokens": 11}
_PLACE: Final[Json] = {"item_id": "msg_9f70_0", "output_index": 0, "content_index": 0}
_TOOL: Final[Json] = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"enum": ["北京", "Bonn"]}}, "required": ["city"]},
}


def _response(status: str, output: list[Any], **more: Any) -> Json:
    return {
        "id": "resp_9f7056ce5365",
        "object": "response",
        "created_at": 1_795_311_548,
        "model": "kimi",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": output,
        "usage": _USAGE if status == "completed" else None,
        **more,
    }


_DONE: Final[Json] = {**_MESSAGE, "status": "completed", "content": [_TEXT]}
REQUESTS: Final[Json] = {
    "question": example("A question", {"model": "kimi", "input": "你好！"}),
    "follow": example(
        "What follows a response: the `id` of one that was answered a moment ago",
        {"model": "kimi", "input": "And the second?", "previous_response_id": "resp_9f7056ce5365"},
    ),
    "streamed": example(
        "A stream, with instructions and thinking",
        {
            "model": "kimi-thinking",
            "instructions": "Be brief.",
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "Is 1729 a prime?"}]}],
            "stream": True,
        },
    ),
    "tools": example(
        "Offer a tool", {"model": "kimi", "input": "天气怎么样？", "tools": [_TOOL], "tool_choice": "required"}
    ),
    "result": example(
        "Bring what came of a call",
        {
            "model": "kimi",
            "input": [
                {"role": "user", "content": "Rain in Bonn?"},
                {
                    "type": "function_call",
                    "call_id": "call_1f0c",
                    "name": "get_weather",
                    "arguments": '{"city":"北京"}',
                },
                {"type": "function_call_output", "call_id": "call_1f0c", "output": "晴，22°C"},
            ],
            "tools": [_TOOL],
        },
    ),
    "search": example(
        "Search the web", {"model": "kimi", "input": "What happened today?", "tools": [{"type": "web_search"}]}
    ),
    "json": example(
        "An answer in JSON",
        {
            "model": "kimi",
            "input": "Plan a trip to Bonn.",
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "plan",
                    "schema": {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]},
                }
            },
        },
    ),
}
ANSWERS: Final[Json] = {"answer": example("A response", _response("completed", [_DONE]))}
_BEGUN: Final = _response("in_progress", [])
_FAILED: Final[Json] = {"code": "upstream_error", "message": "Kimi is in trouble and gave no answer.", "param": None}
STREAMS: Final[Json] = {
    "stream": example(
        "A stream",
        stream(
            {"type": "response.created", "sequence_number": 0, "response": _BEGUN},
            {"type": "response.in_progress", "sequence_number": 1, "response": _BEGUN},
            {
                "type": "response.output_item.added",
                "sequence_number": 2,
                "output_index": 0,
                "item": {**_MESSAGE, "status": "in_progress", "content": []},
            },
            {"type": "response.content_part.added", "sequence_number": 3, **_PLACE, "part": {**_TEXT, "text": ""}},
            {"type": "response.output_text.delta", "sequence_number": 4, **_PLACE, "delta": "你好！"},
            {"type": "response.output_text.done", "sequence_number": 5, **_PLACE, "text": "你好！"},
            {"type": "response.content_part.done", "sequence_number": 6, **_PLACE, "part": _TEXT},
            {"type": "response.output_item.done", "sequence_number": 7, "output_index": 0, "item": _DONE},
            {"type": "response.completed", "sequence_number": 8, "response": _response("completed", [_DONE])},
            named=True,
        ),
    ),
    "failed": example(
        "A stream that fails",
        stream(
            {"type": "response.created", "sequence_number": 0, "response": _BEGUN},
            {"type": "response.in_progress", "sequence_number": 1, "response": _BEGUN},
            {"type": "error", "sequence_number": 2, **_FAILED},
            {
                "type": "response.failed",
                "sequence_number": 3,
                "response": _response(
                    "failed", [], error={"code": "server_error", "message": _FAILED["message"]}, usage=_USAGE
                ),
            },
            named=True,
        ),
    ),
}
