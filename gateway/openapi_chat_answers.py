"""Answers of chat completions in OpenAPI's words, whole and in chunks."""

from __future__ import annotations

from typing import Any, Final

from gateway import openapi_tools as tools
from gateway.openapi_words import COUNT, TEXT, Json, listed, record, ref, said, text

REASONS: Final = ("stop", "length", "content_filter", "tool_calls", "function_call")
_SAYS: Final[Json] = {
    "role": {"const": "assistant"},
    "content": text("The answer"),
    "reasoning_content": text("What the model thought before"),
    "annotations": listed(ref("Annotation"), "The sources of what was searched"),
}


def head(kind: str) -> dict[str, Any]:
    """What every answer begins with."""
    return {
        "id": text("By which a conversation that was begun with `conversation_id` goes on"),
        "object": {"const": kind},
        "created": said(COUNT, "Unix seconds"),
        "model": text("The name that was asked for"),
    }


HEAD: Final = ("id", "object", "created", "model")
SCHEMAS: Final[Json] = {
    "Usage": record(
        {
            "prompt_tokens": said(COUNT, "Tokens of the question"),
            "completion_tokens": said(COUNT, "Tokens of the answer, thinking included"),
            "total_tokens": said(COUNT, "Both"),
            "prompt_tokens_details": record({"cached_tokens": COUNT}),
            "completion_tokens_details": record({"reasoning_tokens": COUNT}),
        },
        *("prompt_tokens", "completion_tokens", "total_tokens"),
        says="The upstream's own figures, or an estimate within a few per cent",
    ),
    "Annotation": record(
        {
            "type": {"const": "url_citation"},
            "url_citation": record(
                {"start_index": COUNT, "end_index": COUNT, "url": TEXT, "title": TEXT},
                *("start_index", "end_index", "url", "title"),
                says="The characters of the content from start_index up to end_index speak of a page",
            ),
        },
        *("type", "url_citation"),
    ),
    "Choice": record(
        {
            "index": {"const": 0},
            "message": record({**_SAYS, **tools.CALLS, "refusal": {"type": "null"}}, *("role", "content")),
            "logprobs": {"type": "null"},
            "finish_reason": {"enum": list(REASONS)},
        },
        *("index", "message", "finish_reason"),
    ),
    "ChatCompletion": record(
        {
            **head("chat.completion"),
            "choices": listed(ref("Choice"), "There is one"),
            "usage": ref("Usage"),
        },
        *(*HEAD, "choices", "usage"),
    ),
    "ChatChunk": record(
        {
            **head("chat.completion.chunk"),
            "choices": listed(
                record(
                    {
                        "index": {"const": 0},
                        "delta": record({**_SAYS, **tools.CALLS}, says="What is new since the last chunk"),
                        "finish_reason": {"enum": [*REASONS, None]},
                    },
                    *("index", "delta", "finish_reason"),
                ),
                "One, or none where the chunk tells of usage or of an error only",
            ),
            "usage": ref("Usage"),
            "error": {
                **record({"message": TEXT, "type": TEXT, "param": {"type": ["string", "null"]}, "code": TEXT}),
                "description": "Why the answer ends here, and is not complete",
            },
        },
        *(*HEAD, "choices"),
        says="The data of one event of a stream; the last one is the text `[DONE]`",
    ),
}
