"""A body that has to be a JSON object."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from gateway.errors import BadRequest

# An escaped backslash, a pair of surrogates, or (the group) a single one, which no text can hold.
_ESCAPE: Final = re.compile(rb"(?i)\\\\|\\ud[89ab][\da-f]{2}\\ud[c-f][\da-f]{2}|(\\ud[89a-f][\da-f]{2})")

_SURELY_FLAT: Final = 240  # lists and objects; orjson reads 1,024 levels of them, and writes 254
_ROOM: Final = 8
"""So many levels may stand around a part of the body where it is written again: upstream, and to the client."""


def json_object(raw: bytes) -> dict[str, Any]:
    """The object in `raw`. Raises `BadRequest`."""
    try:
        body = _decoded(raw)
    except orjson.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"The body is not valid JSON, see {at}.", code="invalid_json") from None
    if not isinstance(body, dict):
        raise BadRequest("The body has to be a JSON object.", code="invalid_json")
    if raw.count(b"{") + raw.count(b"[") > _SURELY_FLAT and not _can_be_written(body):
        raise BadRequest("The body is nested too deep.", code="invalid_json")
    return body


def _can_be_written(body: Any) -> bool:
    for _ in range(_ROOM):
        body = [body]
    try:
        orjson.dumps(body)
    except orjson.JSONEncodeError:
        return False
    return True


def _decoded(raw: bytes) -> Any:
    """JSON. JavaScript writes the half of an emoji that it has cut as an escape, which orjson takes for a mistake."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        whole = _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], raw)
        if whole == raw:
            raise
    return orjson.loads(whole)
