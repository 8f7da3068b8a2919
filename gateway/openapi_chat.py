"""Chat completions and the older forms of the same question in OpenAPI's words."""

from __future__ import annotations

from typing import Any, Final

from gateway import openapi_tools as tools
from gateway.openapi_words import COUNT, EVENTS, FLAG, TEXT, as_json, asking, errors, ref
from gateway.surfaces.hints import EFFORTS
from gateway.surfaces.limits import LONGEST_STOP, MOST_STOPS

_ANY: Final[dict[str, Any]] = {"type": "object"}
_LIMIT: Final[dict[str, Any]] = {
    "type": ["integer", "null"],
    "minimum": 1,
    "description": "The answer ends after so many tokens, thinking included; of the two the smaller one counts",
}
_STOPPING: Final[dict[str, Any]] = {**TEXT, "maxLength": LONGEST_STOP}
_STOP: Final[dict[str, Any]] = {
    "anyOf": [
        _STOPPING,
        {"type": "array", "maxItems": MOST_STOPS, "items": _STOPPING},
        {"type": "null"},
    ],
    "description": "The answer ends before the first of these",
}
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")
_EFFORT: Final[dict[str, Any]] = {
    "enum": [*EFFORTS, "", None],
    "description": "How much the model thinks; it does as well as it can",
}
_URL: Final[dict[str, Any]] = {
    "anyOf": [TEXT, {"type": "object", "required": ["url"], "properties": {"url": TEXT}}],
    "description": "An http, https or `data:` URL of a public address",
}
_PART: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {**TEXT, "description": "`text`, `image_url`, `file`, `file_url`, `input_image` or `input_file`"},
        "text": TEXT,
        "image_url": _URL,
        "file_url": _URL,
        "file": {
            "type": "object",
            "properties": {
                "filename": TEXT,
                "file_data": {**TEXT, "description": "The content in base64, or as a `data:` URL"},
                "url": TEXT,
            },
        },
    },
}
_ASKED: Final[dict[str, Any]] = {
    "stream": FLAG,
    "stream_options": {"type": ["object", "null"], "properties": {"include_usage": FLAG}},
    "n": {"enum": [1, None]},
    "max_tokens": _LIMIT,
    "max_completion_tokens": _LIMIT,
    "stop": _STOP,
    "response_format": {
        "anyOf": [
            {
                "type": "object",
                "required": ["type"],
                "properties": {
                    "type": {"enum": ["text", "json_object", "json_schema"]},
                    "json_schema": {
                        "type": "object",
                        "properties": {"name": TEXT, "description": TEXT, "schema": _ANY, "strict": FLAG},
                    },
                },
            },
            {"type": "null"},
        ],
        "description": "The answer is JSON that was checked; a stream of it comes at once when it is complete",
    },
    "use_search": {**FLAG, "description": "Let Kimi search the web; false goes before `-search` in `model`"},
    "web_search_options": {"type": ["object", "null"], "description": "Any object lets Kimi search the web"},
    "reasoning_effort": _EFFORT,
    "reasoning": {"type": ["object", "null"], "properties": {"effort": _EFFORT, "enabled": FLAG}},
    "thinking": {
        "anyOf": [
            {"type": "object", "properties": {"type": {"enum": ["enabled", "disabled", "auto", "adaptive"]}}},
            FLAG,
        ],
        "description": "Whether the model thinks before it answers",
    },
    "enable_thinking": FLAG,
    "conversation_id": {
        "type": ["string", "null"],
        "description": "`none` begins a conversation; with the `id` of its answers only what is new is sent",
    },
}
"""Of all requests for an answer."""


def _message(*roles: str, **fields: Any) -> dict[str, Any]:
    """A message of one of `roles`, with the `fields` that are read of those alone."""
    content = {"anyOf": [TEXT, {"type": "array", "items": _PART}, {"type": "null"}]}
    properties = {"role": {"enum": list(roles)}, "content": content, **fields}
    return {"type": "object", "required": ["role"], "properties": properties}


SCHEMAS: Final[dict[str, Any]] = {
    "Message": {
        "anyOf": [
            _message("system", "developer", "user"),
            _message("assistant", **tools.CALLS),
            _message("tool", "function", **tools.RESULT),
        ]
    },
    "ChatRequest": {
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": {**TEXT, "description": "A base and features in any order, as in `kimi-search-thinking`"},
            "messages": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Message"}},
            **_ASKED,
            **tools.REQUEST,
        },
    },
    "CompletionRequest": {
        "type": "object",
        "required": ["model", "prompt"],
        "properties": {
            "model": TEXT,
            "prompt": {
                "anyOf": [TEXT, {"type": "array", "minItems": 1, "maxItems": 1, "items": TEXT}],
                "description": "What the user says; the answer is not its continuation",
            },
            **_ASKED,
            "best_of": {"enum": [1, None]},
            "echo": {"enum": [False, None]},
            "suffix": {"enum": ["", None]},
            "logprobs": {"enum": [False, None]},
        },
    },
    "Completion": {
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {
            "id": TEXT,
            "object": {"const": "text_completion"},
            "created": COUNT,
            "model": TEXT,
            "choices": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["index", "text", "finish_reason"],
                    "properties": {
                        "index": {"const": 0},
                        "text": TEXT,
                        "logprobs": {"type": "null"},
                        "finish_reason": {"enum": ["stop", "length", "content_filter"]},
                    },
                },
            },
            "usage": {"$ref": "#/components/schemas/Usage"},
        },
    },
    "TextRequest": {
        "type": "object",
        "properties": {"message": TEXT, "model": {**TEXT, "description": "`kimi` where none is named"}},
    },
    "Usage": {
        "type": "object",
        "properties": {"prompt_tokens": COUNT, "completion_tokens": COUNT, "total_tokens": COUNT},
    },
    "Choice": {
        "type": "object",
        "required": ["index", "message", "finish_reason"],
        "properties": {
            "index": {"const": 0},
            "message": {
                "type": "object",
                "required": ["role", "content"],
                "properties": {
                    "role": {"const": "assistant"},
                    "content": TEXT,
                    "reasoning_content": {**TEXT, "description": "What the model thought before"},
                    "annotations": {"type": "array", "items": {"$ref": "#/components/schemas/Annotation"}},
                    **tools.CALLS,
                },
            },
            "finish_reason": {"enum": ["stop", "length", "content_filter", "tool_calls", "function_call"]},
        },
    },
    "Annotation": {
        "type": "object",
        "required": ["type", "url_citation"],
        "properties": {
            "type": {"const": "url_citation"},
            "url_citation": {
                "type": "object",
                "description": "The characters of the content from start_index up to end_index speak of a page",
                "required": ["start_index", "end_index", "url", "title"],
                "properties": {"start_index": COUNT, "end_index": COUNT, "url": TEXT, "title": TEXT},
            },
        },
    },
    "ChatCompletion": {
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {
            "id": TEXT,
            "object": {"const": "chat.completion"},
            "created": COUNT,
            "model": TEXT,
            "choices": {"type": "array", "items": {"$ref": "#/components/schemas/Choice"}},
            "usage": {"$ref": "#/components/schemas/Usage"},
        },
    },
}
_WRONG: Final = errors("400", "401", "404", "413", "429", "502", "503")
_CHAT: Final = asking(
    "An answer to a conversation, whole or streamed",
    "ChatRequest",
    "The answer. A stream is server-sent events; one that fails half-way ends with an `error`.",
    {**as_json(ref("ChatCompletion")), **EVENTS},
    _WRONG,
)
_COMPLETION: Final = asking(
    "An answer to one prompt as bare text, whole or streamed",
    "CompletionRequest",
    "The answer; a stream is server-sent events",
    {**as_json(ref("Completion")), **EVENTS},
    _WRONG,
)
_TEXT_CHAT: Final[dict[str, Any]] = {
    "summary": "An answer to one message as bare text, for an EventSource: `event: done` at the end, or `event: error`",
    "parameters": [{"name": name, "in": "query", "required": False, "schema": TEXT} for name in ("message", "model")],
    "requestBody": {
        "description": "`message` may stand here as well, in a form or in a JSON object",
        "content": {kind: {"schema": ref("TextRequest")} for kind in _FORMS},
    },
    "responses": {
        "200": {"description": "Each piece of text is an event", "content": EVENTS},
        **errors("400", "401", "404", "413", "429", "503"),
    },
}
PATHS: Final[dict[str, Any]] = {
    "/v1/chat/completions": {"post": _CHAT},
    "/v1/completions": {"post": _COMPLETION},
    "/chat/kimi": {"post": _TEXT_CHAT},
}
