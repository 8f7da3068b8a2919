"""What operators send, checked."""

from __future__ import annotations

from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from gateway.body import read_body
from gateway.errors import BadRequest
from gateway.surfaces.json_body import json_object
from gateway.views.requests import present
from kimi.wrong_values import said_of

SMALL: Final = 4_096
"""Bytes of a body that anybody may send."""


class Body(BaseModel):
    """A JSON object with these fields and no others, of these types and none that could be made of others."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


B = TypeVar("B", bound=Body)


def read(body: type[B], limit: int) -> B:
    """The body of the present request, of at most `limit` bytes.

    Raises `BadRequest`, `BodyTooLarge` or `BodyIncomplete`.
    """
    try:
        return body.model_validate(json_object(read_body(present().environ, limit)))
    except ValidationError as error:
        raise _bad(error.errors()[0]) from None


def query(name: str) -> str:
    """A field of the query that has to be there. Raises `BadRequest`."""
    text = present().args.get(name)
    if not text:
        raise BadRequest(f"`{name}` has to be in the query.", param=name)
    return text


def number(name: str, default: int, least: int, most: int) -> int:
    """A field of the query. Raises `BadRequest`."""
    text = present().args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise BadRequest(f"`{name}` has to be a whole number from {least} to {most}.", param=name)
    return int(text)


def _bad(details: ErrorDetails) -> BadRequest:
    """What is wrong, in one sentence that repeats nothing of the body but the names of its fields."""
    param = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in details["loc"]).lstrip(".")
    if details["type"] == "extra_forbidden":
        return BadRequest(f"`{param}` is no field of this body.", param=param)
    return BadRequest(f"`{param}` {said_of(details)}.", param=param)
