"""Anthropic's messages, and the events that they come in, in OpenAPI's words."""

from __future__ import annotations

from typing import Final

from gateway.openapi_words import COUNT, TEXT, Json, listed, record, ref, said, text

_REASONS: Final = ("end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", None)
_EVENTS: Final = (
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
    *("message_delta", "message_stop", "ping", "error"),
)
_STOP: Final[Json] = {"enum": list(_REASONS), "description": "Why the answer ended; null while it runs"}
SCHEMAS: Final[Json] = {
    "AnsweredMessage": record(
        {
            "id": text("What it is known by"),
            "type": {"const": "message"},
            "role": {"const": "assistant"},
            "model": text("The name that was asked for"),
            "content": listed(ref("MessageBlock"), "What the model thought, said and called, in this order"),
            "stop_reason": _STOP,
            "stop_sequence": {"type": ["string", "null"], "description": "Which of them ended it"},
            "usage": ref("MessageUsage"),
        },
        *("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"),
    ),
    "MessageBlock": record(
        {
            "type": {"enum": ["text", "thinking", "tool_use"]},
            "text": text("What is said"),
            "citations": {"type": ["array", "null"], "description": "The sources of what was searched"},
            "thinking": text("What was thought; empty where it was to be left out"),
            "signature": text("By which thoughts that were left out are found again"),
            "id": text("By which the result of a call refers to it"),
            "name": text("The tool that is called"),
            "input": {"type": "object", "description": "What it is called with"},
        },
        "type",
    ),
    "MessageUsage": record(
        {
            "input_tokens": said(COUNT, "Tokens of the question"),
            "cache_creation_input_tokens": COUNT,
            "cache_read_input_tokens": COUNT,
            "output_tokens": said(COUNT, "Tokens of the answer, thinking included"),
        },
        *("input_tokens", "output_tokens"),
    ),
    "MessageEvent": record(
        {
            "type": {"enum": list(_EVENTS), "description": "Also the name of the event"},
            "message": ref("AnsweredMessage"),
            "index": said(COUNT, "Which block of the content it is about"),
            "content_block": ref("MessageBlock"),
            "delta": record(
                {
                    "type": text("`text_delta`, `thinking_delta`, `input_json_delta`, `citations_delta`, …"),
                    "text": TEXT,
                    "thinking": TEXT,
                    "partial_json": TEXT,
                    "stop_reason": _STOP,
                },
                says="What is new",
            ),
            "usage": ref("MessageUsage"),
            "error": record({"type": TEXT, "message": TEXT}, *("type", "message"), says="Why there is no more"),
        },
        "type",
        says="The data of one event of a stream",
    ),
}
