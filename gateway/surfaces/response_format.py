"""The JSON that a client wants its answer to be: `response_format`.

`strict` says nothing new: whatever schema there is, the answer is checked by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.schemas import checker
from kimi.chat import Form

_FIELD: Final = "response_format"
_KINDS: Final = ("text", "json_object", "json_schema")


def form(body: Mapping[str, Any]) -> Form | None:
    """The form of the answer; None where any text will do. Raises `BadRequest`."""
    wished = body.get(_FIELD)
    if wished is None:
        return None
    kind = wished.get("type") if isinstance(wished, Mapping) else None
    if kind not in _KINDS:
        raise BadRequest(f"`{_FIELD}.type` has to be one of {', '.join(_KINDS)}.", param=_FIELD)
    if kind == "json_schema":
        return _by_schema(wished.get(kind), f"{_FIELD}.{kind}")
    return Form() if kind == "json_object" else None


def _by_schema(wished: object, where: str) -> Form:
    if not isinstance(wished, Mapping):
        raise BadRequest(f"`{where}` has to be an object with a `schema`.", param=where)
    schema, name = wished.get("schema"), wished.get("name")
    if schema is None:
        return Form()
    if not isinstance(schema, Mapping):
        raise BadRequest(f"`{where}.schema` has to be an object.", param=f"{where}.schema")
    described = wished.get("description")
    if isinstance(described, str) and described:
        schema = {"description": described, **schema}
    checker(schema, f"{where}.schema")
    return Form(schema, name if isinstance(name, str) else "")
