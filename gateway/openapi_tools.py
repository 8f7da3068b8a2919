"""Tools of chat completions in OpenAPI's words, the old `functions` included."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_words import COUNT, FLAG, TEXT
from gateway.surfaces.tools import MOST_TOOLS

_FUNCTION: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {**TEXT, "pattern": r"^[\w.:/-]{1,128}$"},
        "description": {"type": ["string", "null"]},
        "parameters": {"type": ["object", "null"], "description": "The JSON schema of the arguments; none: any object"},
        "strict": FLAG,
    },
}
_CALLED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "arguments"],
    "properties": {"name": TEXT, "arguments": {**TEXT, "description": "JSON that fits the schema of the tool"}},
}
CALLS: Final[dict[str, Any]] = {
    "tool_calls": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["function"],
            "properties": {"id": TEXT, "type": {"const": "function"}, "function": _CALLED, "index": COUNT},
        },
    },
    "function_call": {**_CALLED, "description": "In the place of `tool_calls`, where `functions` were offered"},
}
"""Of a message of the assistant."""
RESULT: Final[dict[str, Any]] = {
    "tool_call_id": {**TEXT, "description": "The call whose result a message of the role `tool` brings"},
    "name": {**TEXT, "description": "The function whose result a message of the role `function` brings"},
}
REQUEST: Final[dict[str, Any]] = {
    "tools": {
        "type": ["array", "null"],
        "maxItems": MOST_TOOLS,
        "items": {
            "type": "object",
            "required": ["type", "function"],
            "properties": {"type": {"const": "function"}, "function": _FUNCTION},
        },
        "description": "An official key is chosen where it has the model, and may take other types as well",
    },
    "tool_choice": {
        "anyOf": [{"enum": ["auto", "none", "required", None]}, {"type": "object"}],
        "description": "`required`, or an object that names a function: the answer is a call, or an error",
    },
    "parallel_tool_calls": FLAG,
    "functions": {"type": ["array", "null"], "items": _FUNCTION, "deprecated": True},
    "function_call": {"anyOf": [{"enum": ["auto", "none", None]}, {"type": "object"}], "deprecated": True},
}
