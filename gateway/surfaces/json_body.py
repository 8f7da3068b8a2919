"""A body that has to be a JSON object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from gateway.breathing import Turns
from gateway.errors import BadRequest

_HEX: Final = r"[\da-fA-F]"
_AT_A_TIME: Final = 32_768
"""Escapes, between which others may have their turn: to look at them takes a few milliseconds."""
# Text and escapes that stand for something, or else a single surrogate, which no text can hold.
_STRETCH: Final = re.compile(
    rf"((?:[^\\]++|\\(?:[^u]|u(?![dD][89a-fA-F])|u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}))"
    rf"{{1,{_AT_A_TIME}}}+)|\\u[dD][89a-fA-F]{_HEX}{{2}}".encode()
)
_MOST_MENDED: Final = 20_000
"""So many of them are put in place: nobody cuts more emoji in two."""
_SECONDS: Final = 0.005
_PART_BYTES: Final = 65_536
"""Of a body that is looked through, which takes a millisecond or two."""

MOST_VALUES_OF_A_BODY: Final = 250_000
"""Of lists, objects, and what is in them: each takes memory of its own, a hundred times what it takes in the body."""
_SURELY_FLAT: Final = 240  # lists and objects; orjson reads 1,024 levels of them, and writes 254
_ROOM: Final = 8
"""So many levels may stand around a part of the body where it is written again: upstream, and to the client."""


def json_object(raw: bytes) -> dict[str, Any]:
    """The object in `raw`. Raises `BadRequest`."""
    if _has_too_many_values(raw):
        raise BadRequest(f"The body holds more than {MOST_VALUES_OF_A_BODY} values.", code="invalid_json")
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
        whole = _mended(raw) if rb"\u" in raw else None
        if whole is None:
            raise
    return orjson.loads(whole)


def _mended(raw: bytes) -> bytes | None:
    """The same without halves of characters; nothing where there are none, or too many, or something else is wrong."""
    pieces, end, halves, turns = list[bytes](), 0, 0, Turns(_SECONDS)
    for found in _STRETCH.finditer(raw):
        start, stretch = found.start(), found[1]
        halves += stretch is None
        if start > end or halves > _MOST_MENDED:
            return None
        pieces.append(rb"\ufffd" if stretch is None else stretch)
        end = found.end()
        turns.rest_if_due()
    return b"".join(pieces) if halves and end == len(raw) else None


def _has_too_many_values(raw: bytes) -> bool:
    if len(raw) <= 2 * MOST_VALUES_OF_A_BODY or _structure(_parts(raw)) <= MOST_VALUES_OF_A_BODY:
        return False
    return _structure(_without_texts(_parts(raw))) > MOST_VALUES_OF_A_BODY  # commas may be a text's


def _structure(parts: Iterable[bytes]) -> int:
    return sum(part.count(b",") + part.count(b"[") + part.count(b"{") for part in parts)


def _parts(raw: bytes) -> Iterator[bytes]:
    """All of it, in pieces between which others may have their turn."""
    turns = Turns(_SECONDS)
    for start in range(0, len(raw), _PART_BYTES):
        yield raw[start : start + _PART_BYTES]
        turns.rest_if_due()


def _without_texts(parts: Iterable[bytes]) -> Iterator[bytes]:
    """What stands between the texts of valid JSON."""
    is_text, left = False, b""
    for part in parts:
        plain = (left + part).replace(rb"\\", b"").replace(rb"\"", b"")
        left = b"\\" if plain.endswith(b"\\") else b""  # of an escape whose other byte is in the next part
        between = plain.removesuffix(left).split(b'"')
        yield b"".join(between[is_text::2])
        is_text ^= len(between) % 2 == 0
