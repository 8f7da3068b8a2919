"""Mistakes in what a model wrote for JSON that can be put right without guessing what it meant."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import orjson

from gateway.schemas.reading import bounded, loads
from gateway.tools.brackets import mended

_FENCE: Final = re.compile(r"(`{3,})[a-zA-Z]*[ \t]*\n")
_LEFT_OVER: Final = re.compile(r"\s*+(?:</?+[\w:-]{0,64}+>?+\s*+|`{3,}+\s*+|[,;}\]]\s*+)*+")
"""What may stand behind arguments: a tag that is none of ours, the end of a fence, a bracket too many."""
_EXACT: Final = 2**53
"""Up to here a number with a point is one whole number and no other."""


def _number(said: str) -> float:
    number = float(said)
    if not isfinite(number):
        raise ValueError("it holds a number that JSON does not have")
    return number


_LENIENT: Final = json.JSONDecoder(strict=False, parse_float=_number, parse_constant=_number)


def read(text: str, *, is_whole: bool) -> Any:
    """What `text` means. Raises `ValueError`, which says what is wrong with it.

    Line breaks within strings, a code fence around it all, and what is left over behind it do no harm. Commas and
    brackets that are missing or too many are put right, unless the text is not `is_whole`: then nobody knows what would
    have come.
    """
    text = _within_fence(text.strip()).strip()
    try:
        return loads(text) if text else {}
    except orjson.JSONDecodeError:
        pass
    try:
        value, end = _LENIENT.raw_decode(text)
        if _LEFT_OVER.fullmatch(text, end):
            return bounded(value)
        wrong = f"there is more behind the JSON, from character {end} on"
    except json.JSONDecodeError as error:
        wrong = f"{error.msg}: line {error.lineno}, column {error.colno}"
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    try:
        return mended(text if is_whole else "")
    except ValueError:
        raise ValueError(wrong) from None


def unfenced(text: str) -> str:
    """`text` without the code fence around it, or without the line ends at its beginning and end.

    A text that has more such fences is not all in one.
    """
    fence = _FENCE.match(text.lstrip())
    inner = _within_fence(text)
    return text.removeprefix("\n").removesuffix("\n") if fence and f"\n{fence[1]}" in f"\n{inner}" else inner


def _within_fence(text: str) -> str:
    if fence := _FENCE.match(text.lstrip()):
        text = text.strip()[fence.end() :].rstrip("`")
    return text.removeprefix("\n").removesuffix("\n")


def fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    """`value` with what `schema` says of types: `"5"` for a number, `"true"` for a truth, JSON that was quoted.

    What is null and may be missing is left out. A schema that says more than types is left to whoever checks.
    """
    if isinstance(value, dict):
        properties = schema.get("properties")
        return _fitted_fields(value, properties, schema) if isinstance(properties, dict) else value
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        return [_fitted_one(item, items) for item in value]
    return value


def _fitted_fields(value: dict[str, Any], properties: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required")
    needed = required if isinstance(required, list) else ()
    fields = {}
    for name, inner in value.items():
        known = properties.get(name)
        if not isinstance(known, dict):
            fields[name] = inner
        elif inner is not None or name in needed or not _types(known) or "null" in _types(known):
            fields[name] = _fitted_one(inner, known)
    return fields


def _fitted_one(value: Any, schema: Mapping[str, Any]) -> Any:
    types = _types(schema)
    if isinstance(value, str) and types and "string" not in types:
        try:
            meant = loads(value)
        except ValueError:
            return value
        value = meant if _type(meant) in types or (_type(meant) == "integer" and "number" in types) else value
    if isinstance(value, float) and value.is_integer() and "integer" in types and "number" not in types:
        value = int(value) if abs(value) <= _EXACT else value
    return fitted(value, schema)


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    said = schema.get("type")
    return (said,) if isinstance(said, str) else tuple(said) if isinstance(said, list) else ()


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"
