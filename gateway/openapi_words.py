"""Words that the descriptions of all surfaces are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TEXT: Final[dict[str, Any]] = {"type": "string"}
COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
FLAG: Final[dict[str, Any]] = {"type": ["boolean", "string", "integer", "null"]}
EVENTS: Final[dict[str, Any]] = {"text/event-stream": {}}
"""Without a schema: some read it as that of the whole body, others as that of each event."""

_STATUSES: Final = {
    "400": "Something in the request is not as it has to be; `param` says where",
    "401": "The client key is unknown",
    "404": "The model does not exist",
    "413": "The body is too large",
    "429": "All accounts are busy; `Retry-After` says when to come back",
    "502": "Kimi could not be reached, gave a broken answer or none in time",
    "503": "No account can serve this at present",
}


def ref(name: str) -> dict[str, Any]:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def as_json(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A body of JSON."""
    return {"application/json": {"schema": schema}}


def asking(
    summary: str, body: str, answer: str, content: Mapping[str, Any], wrong: Mapping[str, Any]
) -> dict[str, Any]:
    """A POST of the schema `body`. What comes back is `answer` in words and `content`, or what goes `wrong`."""
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": as_json(ref(body))},
        "responses": {"200": {"description": answer, "content": content}, **wrong},
    }


def errors(*statuses: str) -> dict[str, Any]:
    """What goes wrong, in OpenAI's shape."""
    return {status: {"description": _STATUSES[status], "content": as_json(ref("Error"))} for status in statuses}
