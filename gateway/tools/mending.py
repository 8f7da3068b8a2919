"""Mistakes in what a model wrote for JSON that can be put right without guessing what it meant."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from json_repair import repair_json

LONGEST: Final = 64 * 1024
"""Characters of a text that is repaired: the library takes its time."""
_FENCE: Final = re.compile(r"(`{3,})[a-zA-Z]*\s*\n(.*?)\n?\s*\1", re.DOTALL)
_LEFT_OVER: Final = re.compile(r"\s*+(?:</?+[\w:-]{0,64}+>?+\s*+|`{3,}+\s*+|[,;}\]]\s*+)*+")
"""What may stand behind arguments: a tag that is none of ours, the end of a fence, a bracket too many."""
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+', re.DOTALL)
_PYTHON: Final = {"True": "true", "False": "false", "None": "null"}
_NONE: Final = object()


def read(text: str, *, is_whole: bool) -> Any:
    """What `text` means. Raises `ValueError`, which says what is wrong with it.

    Line breaks within strings, a code fence around it all, and what is left over behind it do no harm. Commas and
    brackets that are missing or too many are put right where every string and every number stays as it was written,
    unless the text is not `is_whole`: then nobody knows what would have come.
    """
    text = text.strip()
    fenced = _FENCE.fullmatch(text)
    text = fenced[2].strip() if fenced else text
    try:
        return orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        pass
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text)
        if _LEFT_OVER.fullmatch(text, end):
            return value
        wrong = f"there is more behind the JSON, from character {end} on"
    except json.JSONDecodeError as error:
        wrong = f"{error.msg}: line {error.lineno}, column {error.colno}"
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    value = _repaired(text) if is_whole and len(text) <= LONGEST else _NONE
    if value is _NONE:
        raise ValueError(wrong)
    return value


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
            meant = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
        value = meant if _type(meant) in types or (_type(meant) == "integer" and "number" in types) else value
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


def _repaired(text: str) -> Any:
    """What is meant, where nothing but commas and brackets is in question."""
    try:
        value = repair_json(text, return_objects=True, skip_json_loads=True)
        written = json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError, TypeError):
        return _NONE
    return value if text[:1] == written[:1] and _said(text) == _said(written) else _NONE


def _said(text: str) -> list[object]:
    """Strings and what stands for itself, in their order."""
    return [_meant(token) for token in _TOKEN.findall(text)]


def _meant(token: str) -> object:
    token = _PYTHON.get(token, token)
    try:
        value = json.loads(token, strict=False)
    except ValueError:
        return token
    return type(value), value  # for True is 1
