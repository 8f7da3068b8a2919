"""Words that the descriptions of the operators' API are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.openapi_problems import ADMIN, ADMIN_CHANGE, errors
from gateway.openapi_words import Json, header_refs, operation, said

SURFACE: Final = "Operators"
SECURITY: Final[list[Json]] = [{"admin": []}, {"admin-header": []}, {"admin-session": []}]
"""Any of the three."""
SESSION_ONLY: Final[list[Json]] = [{"admin-session": []}]
"""The admin key opens nothing there."""
SCHEMES: Final[Json] = {
    "admin": {"type": "http", "scheme": "bearer", "description": "The admin key, `GATEWAY_ADMIN_KEY`"},
    "admin-header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same"},
    "admin-session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "kimi_admin",
        "description": "Of whoever has signed in; all but GET needs the header `x-csrf-token` with it",
    },
}
TIME: Final[Json] = {"type": "number"}
"""In Unix seconds."""
_SAYS: Final = {
    "401": "The admin key is wrong or missing, and nobody is signed in",
    "403": "Of a session: the `x-csrf-token` is not its own, or another site sends this",
    "404": "What is named does not exist, or the admin API is off",
    "429": "Too many wrong keys came from this address",
}


def never(schema: Mapping[str, Any], says: str) -> Json:
    """A schema of one type, or null for none or never."""
    return {**schema, "type": [schema["type"], "null"], "description": says}


def closed(schema: Mapping[str, Any]) -> Json:
    """An object as operators send it: a field that it has not is refused."""
    return {**schema, "additionalProperties": False}


def at(says: str) -> Json:
    """A time."""
    return said(TIME, f"{says}, in Unix seconds")


def perhaps(says: str) -> Json:
    """A time, or null."""
    return never(TIME, f"{says}, in Unix seconds")


def asked(
    summary: str,
    description: str,
    content: Json,
    *wrong: str,
    status: int = 200,
    body: Json | None = None,
    parameters: Iterable[Json] = (),
    reads: bool = False,
) -> Json:
    """One method of one path. What `reads` changes nothing; a body may be wrong, and so may what is in `wrong`."""
    answer = {"description": "What was asked for", "headers": header_refs("x-request-id"), "content": content}
    names = dict.fromkeys((*(ADMIN if reads else ADMIN_CHANGE), "CsrfFailed", *wrong))
    return operators(
        operation(
            summary,
            description,
            {str(status): answer, **errors(*names)},
            surface=SURFACE,
            body=body,
            parameters=parameters,
        )
    )


def operators(described: Json) -> Json:
    """The same as an operation for operators alone."""
    for status, answer in described["responses"].items():
        answer["description"] = _SAYS.get(status, answer["description"])
    return {**described, "tags": [SURFACE], "security": SECURITY}


def parameter(name: str, where: str, schema: Mapping[str, Any], says: str, example: Any, *, needed: bool) -> Json:
    """A parameter in the path or the query."""
    return {
        "name": name,
        "in": where,
        "required": needed,
        "schema": dict(schema),
        "description": says,
        "example": example,
    }
