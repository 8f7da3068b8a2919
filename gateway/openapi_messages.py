"""Anthropic's Messages in OpenAPI's words, as far as they are served here."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_words import COUNT, EVENTS, FLAG, TEXT, as_json, asking, ref
from gateway.surfaces.limits import LONGEST_STOP, MOST_STOPS

_STATUSES: Final = {
    "400": "Something in the request is not as it has to be; the message begins with its place",
    "401": "The client key is unknown",
    "404": "The model does not exist",
    "413": "The body is too large",
    "429": "All accounts are busy; `Retry-After` says when to come back",
    "500": "Kimi could not be reached or gave a broken answer",
    "504": "Kimi did not answer in time",
    "529": "No account can serve this at present",
}
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max", None)
_SCHEMA: Final[dict[str, Any]] = {"type": "object", "description": "A JSON schema"}


def _errors(*statuses: str) -> dict[str, Any]:
    return {status: {"description": _STATUSES[status], "content": as_json(ref("MessageError"))} for status in statuses}


_BLOCK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            **TEXT,
            "description": (
                "Of a user: `text`, `image`, `document`, `search_result`, `tool_result`; "
                "of the assistant: `text`, `thinking`, `tool_use`, and whatever Anthropic has answered with"
            ),
        },
        "text": TEXT,
        "source": {
            "type": "object",
            "description": "`base64` with `media_type` and `data`, or `url`; of documents also `text` and `content`",
        },
        "tool_use_id": TEXT,
        "content": {"description": "What a call has resulted in: a text, or blocks"},
        "is_error": {"type": "boolean"},
    },
}
_ASKED: Final[dict[str, Any]] = {
    "model": {**TEXT, "description": "A model of GET /v1/models; all of `claude-…` stand for KIMI_CLAUDE_MODEL"},
    "messages": {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["role", "content"],
            "properties": {
                "role": {"enum": ["user", "assistant", "system"]},
                "content": {"anyOf": [TEXT, {"type": "array", "items": _BLOCK}]},
            },
        },
    },
    "system": {"anyOf": [TEXT, {"type": "array", "items": _BLOCK}, {"type": "null"}]},
    "tools": {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "properties": {
                "type": {**TEXT, "description": "None, `custom`, or a `web_search_…`, for which Kimi searches itself"},
                "name": TEXT,
                "description": TEXT,
                "input_schema": _SCHEMA,
            },
        },
    },
    "tool_choice": {
        "type": ["object", "null"],
        "required": ["type"],
        "properties": {
            "type": {"enum": ["auto", "any", "none", "tool"]},
            "name": TEXT,
            "disable_parallel_tool_use": {"type": "boolean"},
        },
    },
    "thinking": {
        "type": ["object", "null"],
        "required": ["type"],
        "properties": {
            "type": {"enum": ["enabled", "adaptive", "between_tools", "disabled"]},
            "budget_tokens": {"type": "integer", "minimum": 1},
            "display": {"enum": ["summarized", "omitted", None]},
        },
    },
    "output_config": {
        "type": ["object", "null"],
        "properties": {
            "effort": {"enum": list(_EFFORTS)},
            "format": {
                "type": ["object", "null"],
                "required": ["type", "schema"],
                "properties": {"type": {"const": "json_schema"}, "schema": _SCHEMA},
            },
        },
    },
}
SCHEMAS: Final[dict[str, Any]] = {
    "MessageError": {
        "type": "object",
        "required": ["type", "error", "request_id"],
        "properties": {
            "type": {"const": "error"},
            "error": {"type": "object", "required": ["type", "message"], "properties": {"type": TEXT, "message": TEXT}},
            "request_id": TEXT,
        },
    },
    "MessageRequest": {
        "type": "object",
        "required": ["model", "max_tokens", "messages"],
        "properties": {
            **_ASKED,
            "max_tokens": {"type": "integer", "minimum": 1},
            "stream": FLAG,
            "stop_sequences": {
                "type": ["array", "null"],
                "maxItems": MOST_STOPS,
                "items": {**TEXT, "maxLength": LONGEST_STOP},
            },
            "temperature": {"type": ["number", "null"]},
            "top_p": {"type": ["number", "null"]},
        },
    },
    "CountRequest": {"type": "object", "required": ["model", "messages"], "properties": _ASKED},
    "AnsweredMessage": {
        "type": "object",
        "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
        "properties": {
            "id": TEXT,
            "type": {"const": "message"},
            "role": {"const": "assistant"},
            "model": TEXT,
            "content": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type"],
                    "properties": {"type": {"enum": ["text", "thinking", "tool_use"]}},
                },
            },
            "stop_reason": {"enum": ["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]},
            "stop_sequence": {"type": ["string", "null"]},
            "usage": {
                "type": "object",
                "required": ["input_tokens", "output_tokens"],
                "properties": {
                    "input_tokens": COUNT,
                    "cache_creation_input_tokens": COUNT,
                    "cache_read_input_tokens": COUNT,
                    "output_tokens": COUNT,
                },
            },
        },
    },
}
_ASK: Final = asking(
    "An answer to a conversation, for clients of Anthropic's Messages",
    "MessageRequest",
    "The message. A stream is Anthropic's events; one that fails ends with `error`.",
    {**as_json(ref("AnsweredMessage")), **EVENTS},
    _errors("400", "401", "404", "413", "429", "500", "504", "529"),
)
_COUNT: Final = asking(
    "About how many tokens a question is; no account is asked",
    "CountRequest",
    "The estimate",
    as_json({"type": "object", "required": ["input_tokens"], "properties": {"input_tokens": COUNT}}),
    _errors("400", "401", "404", "413", "529"),
)
PATHS: Final[dict[str, Any]] = {"/v1/messages": {"post": _ASK}, "/v1/messages/count_tokens": {"post": _COUNT}}
