"""OpenAI's responses, and the events that they come in, in OpenAPI's words."""

from __future__ import annotations

from typing import Final

from gateway.openapi_words import COUNT, TEXT, Json, listed, record, ref, said, text

_FIELDS: Final[Json] = {
    "id": text("By which it can be followed"),
    "object": {"const": "response"},
    "created_at": said(COUNT, "Unix seconds"),
    "completed_at": {"type": ["integer", "null"], "description": "Unix seconds"},
    "model": text("The name that was asked for"),
    "status": {"enum": ["in_progress", "completed", "incomplete", "failed"]},
    "output": listed(ref("ResponseItem"), "What the model thought, said and called, in this order"),
    "incomplete_details": {"type": ["object", "null"], "description": "Why it was cut off: `reason`"},
    "error": {"type": ["object", "null"], "description": "Why it failed: `code` and `message`"},
    "usage": {"anyOf": [ref("ResponseUsage"), {"type": "null"}]},
    "previous_response_id": {"type": ["string", "null"], "description": "What it follows"},
    "store": {"type": "boolean", "description": "Whether it can be followed"},
}
_EVENTS: Final = (
    *("response.created", "response.in_progress", "response.output_item.added", "response.output_item.done"),
    *("response.content_part.added", "response.content_part.done"),
    *("response.output_text.delta", "response.output_text.annotation.added", "response.output_text.done"),
    *("response.reasoning_summary_part.added", "response.reasoning_summary_part.done"),
    *("response.reasoning_summary_text.delta", "response.reasoning_summary_text.done"),
    *("response.function_call_arguments.delta", "response.function_call_arguments.done"),
    *("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done"),
    *("response.completed", "response.incomplete", "response.failed", "error"),
)
SCHEMAS: Final[Json] = {
    "Response": record(
        _FIELDS,
        *("id", "object", "created_at", "model", "status", "output", "usage", "error", "incomplete_details"),
    ),
    "ResponseItem": record(
        {
            "type": {"enum": ["message", "reasoning", "function_call", "custom_tool_call", "tool_search_call"]},
            "id": text("By which a later input can refer to it"),
            "status": {"enum": ["in_progress", "completed", "incomplete"]},
            "role": {"const": "assistant"},
            "content": listed(
                record({"type": {"const": "output_text"}, "text": TEXT, "annotations": {"type": "array"}}, "type"),
                "What a message says",
            ),
            "summary": listed(
                record({"type": {"const": "summary_text"}, "text": TEXT}, *("type", "text")), "What the model thought"
            ),
            "call_id": text("By which the result of a call refers to it"),
            "name": text("The tool that is called"),
            "arguments": {"description": "Those of a function, as a text that holds JSON"},
            "input": text("What a custom tool is called with"),
        },
        *("type", "id"),
    ),
    "ResponseUsage": record(
        {
            "input_tokens": said(COUNT, "Tokens of the question"),
            "input_tokens_details": record({"cached_tokens": COUNT}),
            "output_tokens": said(COUNT, "Tokens of the answer, thinking included"),
            "output_tokens_details": record({"reasoning_tokens": COUNT}),
            "total_tokens": said(COUNT, "Both"),
        },
        *("input_tokens", "output_tokens", "total_tokens"),
    ),
    "ResponseEvent": record(
        {
            "type": {"enum": list(_EVENTS), "description": "Also the name of the event"},
            "sequence_number": said(COUNT, "From 0 on, without gaps"),
            "response": ref("Response"),
            "item": ref("ResponseItem"),
            "output_index": said(COUNT, "Which item of `output` it is about"),
            "delta": text("What is new"),
        },
        *("type", "sequence_number"),
        says="The data of one event of a stream",
    ),
}
