"""Tools of chat completions in OpenAPI's words, the old `functions` included."""

from __future__ import annotations

from typing import Final

from gateway.openapi_words import COUNT, TEXT, Json, flag, record, said, text
from gateway.surfaces.tools import MOST_TOOLS

_FUNCTION: Final = record(
    {
        "name": {**TEXT, "pattern": r"^[\w.:/-]{1,128}$", "description": "What it is called by"},
        "description": {"type": ["string", "null"], "description": "What it does, for the model"},
        "parameters": {
            "type": ["object", "null"],
            "description": "The JSON schema of the arguments; none: any object",
        },
        "strict": flag("Changes nothing: arguments are checked in any case"),
    },
    "name",
)
_CALLED: Final = record(
    {"name": text("The function"), "arguments": text("JSON that fits the schema of the tool")},
    *("name", "arguments"),
)
CALLS: Final[Json] = {
    "tool_calls": {
        "type": "array",
        "items": record(
            {
                "id": text("By which its result refers to it"),
                "type": {"const": "function", "description": "There is no other"},
                "function": said(_CALLED, "What is called, and with what"),
                "index": said(COUNT, "Of a stream: which call it is a piece of"),
            },
            "function",
        ),
        "description": "The tools that are called",
    },
    "function_call": said(_CALLED, "In the place of `tool_calls`, where `functions` were offered"),
}
"""Of a message of the assistant."""
RESULT: Final[Json] = {
    "tool_call_id": text("The call whose result a message of the role `tool` brings"),
    "name": text("The function whose result a message of the role `function` brings"),
}
REQUEST: Final[Json] = {
    "tools": {
        "type": ["array", "null"],
        "maxItems": MOST_TOOLS,
        "items": record(
            {"type": {"const": "function", "description": "There is no other"}, "function": said(_FUNCTION, "A tool")},
            *("type", "function"),
        ),
        "description": "An official key is chosen where it has the model, and may take other types as well",
    },
    "tool_choice": {
        "anyOf": [{"enum": ["auto", "none", "required", None]}, {"type": "object"}],
        "description": "`required`, or an object that names a function: the answer is a call, or an error",
    },
    "parallel_tool_calls": flag("False: one call at a time"),
    "functions": {
        "type": ["array", "null"],
        "items": _FUNCTION,
        "deprecated": True,
        "description": "The old form of `tools`",
    },
    "function_call": {
        "anyOf": [{"enum": ["auto", "none", None]}, {"type": "object"}],
        "deprecated": True,
        "description": "The old form of `tool_choice`",
    },
}
