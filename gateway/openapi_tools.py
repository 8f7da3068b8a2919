"""Tools of chat completions in OpenAPI's words, the old `functions` included."""

from __future__ import annotations

from typing import Final

from gateway.openapi_words import TEXT, Json, record, said, text, whatever
from gateway.surfaces.tools import MOST_TOOLS

_FUNCTION: Final = record(
    {
        "name": {**TEXT, "pattern": r"^[\w.:/-]{1,128}$", "description": "What it is called by"},
        "description": {"type": ["string", "null"], "description": "What it does, for the model"},
        "parameters": {
            "type": ["object", "null"],
            "description": "The JSON schema of the arguments; none: any object",
        },
        "strict": whatever("Changes nothing: arguments are checked in any case", "true or false"),
    },
    "name",
)
_CALLED: Final = record(
    {
        "name": text("The function"),
        "arguments": {
            "type": ["string", "object", "null"],
            "description": "A text with JSON that fits the schema of the tool; of a request also that JSON itself",
        },
    },
    "name",
)
CALLS: Final[Json] = {
    "tool_calls": {
        "type": "array",
        "items": record(
            {
                "id": {"type": ["string", "null"], "description": "By which its result refers to it"},
                "type": whatever("There is no other", "`function`"),
                "function": said(_CALLED, "What is called, and with what"),
                "index": whatever("Of a stream: which call it is a piece of", "integer"),
            },
            "function",
        ),
        "description": "The tools that are called",
    },
    "function_call": said(_CALLED, "In the place of `tool_calls`, where `functions` were offered"),
}
"""Of a message of the assistant."""
RESULT: Final[Json] = {
    "tool_call_id": whatever("The call whose result a message of the role `tool` brings", "text"),
    "name": whatever("The function whose result a message of the role `function` brings", "text"),
}
REQUEST: Final[Json] = {
    "tools": {
        "type": ["array", "null"],
        "maxItems": MOST_TOOLS,
        "items": record(
            {"type": {"const": "function", "description": "There is no other"}, "function": said(_FUNCTION, "A tool")},
            "function",
        ),
        "description": "An official key is chosen where it has the model, and may take other types as well",
    },
    "tool_choice": {
        "anyOf": [{"enum": ["auto", "none", "required", "any", "validated", None]}, {"type": "object"}],
        "description": "`required`, or an object that names a function: the answer is a call, or an error",
    },
    "parallel_tool_calls": whatever("False: one call at a time", "true or false"),
    "functions": {
        **whatever("The old form of `tools`, read where there are none", "list of object"),
        "deprecated": True,
    },
    "function_call": {**whatever("The old form of `tool_choice`", "text or object"), "deprecated": True},
}
