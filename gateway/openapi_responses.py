"""OpenAI's Responses in OpenAPI's words, as far as they are served here."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_words import COUNT, EVENTS, FLAG, TEXT, as_json, asking, errors, ref
from gateway.surfaces.hints import EFFORTS

_MAYBE: Final[dict[str, Any]] = {"type": ["string", "null"]}
_NUMBER: Final[dict[str, Any]] = {"type": ["number", "null"]}
_ITEM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {
            **TEXT,
            "description": (
                "`message` (also where there is none), `agent_message`, `reasoning`, "
                "`function_call`, `function_call_output`, "
                "`custom_tool_call`, `custom_tool_call_output`, `tool_search_call`, `tool_search_output`, "
                "`additional_tools`, `item_reference` to an item of a response that can be followed"
            ),
        },
        "role": {"enum": ["user", "system", "developer", "assistant"]},
        "content": {"description": "A text, or parts: `input_text`, `output_text`, `input_image`, `input_file`"},
        "call_id": _MAYBE,
        "name": TEXT,
        "arguments": {"description": "A text that holds JSON"},
        "output": {"description": "A text or parts, as `content`"},
        "id": _MAYBE,
    },
}
_TOOL: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            **TEXT,
            "description": (
                "`function`, `custom`, `namespace` (of those), `tool_search`, or `web_search`, for which Kimi searches "
                "itself; nothing else that OpenAI runs"
            ),
        },
        "name": TEXT,
        "description": _MAYBE,
        "parameters": {"type": ["object", "null"], "description": "A JSON schema"},
    },
}
_ASKED: Final[dict[str, Any]] = {
    "model": {**TEXT, "description": "A base and features in any order, as in `kimi-search-thinking`"},
    "input": {"anyOf": [TEXT, {"type": "array", "minItems": 1, "items": _ITEM}]},
    "instructions": _MAYBE,
    "tools": {"type": ["array", "null"], "items": _TOOL},
    "tool_choice": {"description": "auto, none, required, or an object that names a tool or those that are allowed"},
    "parallel_tool_calls": FLAG,
    "text": {
        "type": ["object", "null"],
        "properties": {
            "format": {
                "type": ["object", "null"],
                "required": ["type"],
                "properties": {"type": {"enum": ["text", "json_object", "json_schema"]}},
            }
        },
    },
    "reasoning": {"type": ["object", "null"], "properties": {"effort": {"enum": [*EFFORTS, "", None]}}},
    "previous_response_id": {
        **_MAYBE,
        "description": "The response of a web account behind which this is asked; all of `input` is then new",
    },
}
SCHEMAS: Final[dict[str, Any]] = {
    "ResponseRequest": {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            **_ASKED,
            "stream": FLAG,
            "store": {**FLAG, "description": "False: nobody asks behind this response"},
            "max_output_tokens": {"type": ["integer", "null"], "minimum": 1},
            "temperature": _NUMBER,
            "top_p": _NUMBER,
            "metadata": {"type": ["object", "null"]},
        },
    },
    "ResponseTokensRequest": {"type": "object", "required": ["model", "input"], "properties": _ASKED},
    "Response": {
        "type": "object",
        "required": ["id", "object", "created_at", "model", "status", "output", "usage", "error", "incomplete_details"],
        "properties": {
            "id": TEXT,
            "object": {"const": "response"},
            "created_at": COUNT,
            "model": TEXT,
            "status": {"enum": ["completed", "incomplete"]},
            "output": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "id"],
                    "properties": {
                        "type": {
                            "enum": ["message", "reasoning", "function_call", "custom_tool_call", "tool_search_call"]
                        },
                        "id": TEXT,
                    },
                },
            },
            "incomplete_details": {"type": ["object", "null"]},
            "error": {"type": "null"},
            "usage": {
                "type": "object",
                "required": ["input_tokens", "output_tokens", "total_tokens"],
                "properties": {"input_tokens": COUNT, "output_tokens": COUNT, "total_tokens": COUNT},
            },
        },
    },
}
_ESTIMATE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["object", "input_tokens"],
    "properties": {"object": {"const": "response.input_tokens"}, "input_tokens": COUNT},
}
_ASK: Final = asking(
    "An answer to a conversation as OpenAI's response, whole or streamed",
    "ResponseRequest",
    "The response. A stream is typed events, a failure in it `response.failed`.",
    {**as_json(ref("Response")), **EVENTS},
    errors("400", "401", "404", "413", "429", "502", "503"),
)
_COUNT: Final = asking(
    "About how many tokens an input is; no account is asked",
    "ResponseTokensRequest",
    "The estimate",
    as_json(_ESTIMATE),
    errors("400", "401", "413"),
)
PATHS: Final[dict[str, Any]] = {"/v1/responses": {"post": _ASK}, "/v1/responses/input_tokens": {"post": _COUNT}}
