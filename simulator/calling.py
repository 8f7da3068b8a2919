"""Which tools the one who answers wants to use, and with what arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

_DEEPEST = 8  # a schema may hold itself


Scripted = Sequence[Any]
"""Calls as a script has them, each with its `name` and its `arguments`, or lists of such: one after the other.

Arguments that are a text are written as they are.
"""


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that can be called, and the JSON schema of its arguments."""

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """A tool call; the arguments are JSON, unless a script wants something else."""

    name: str
    arguments: str


def round_after(scripted: Scripted, results: int) -> Scripted:
    """What a script wants to call when there are so many results: of a list of lists, all calls of one at a time."""
    for calls in scripted if scripted and isinstance(scripted[0], list) else [scripted]:
        if results == 0:
            return calls
        results -= len(calls)
    return ()


def wishes(
    scripted: Scripted, offers: Sequence[Offer], prompt: str, *, must: bool, named: str = ""
) -> tuple[Wish, ...]:
    """The calls of an answer: those of its script, else the tool that `named` or the last line of the prompt names,
    else the first one where one `must` be called.
    """
    if not offers:
        return ()
    if scripted:
        return tuple(Wish(str(one["name"]), _scripted(one.get("arguments") or {})) for one in scripted)
    asked = prompt.strip().rpartition("\n")[2]
    found = [offer for offer in offers if offer.name == named]
    found += [offer for offer in offers if not named and _stands_in(offer.name, asked)]
    found += [offer for offer in offers if must and not named]
    return tuple(Wish(offer.name, _json(arguments(offer.schema, prompt))) for offer in found[:1])


def arguments(schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Arguments that fit the schema; where it says nothing of them the text is the query."""
    made = sample(schema, text) if schema.get("properties") else {"query": text}
    return made if isinstance(made, dict) else {"query": text}


def sample(schema: Any, text: str) -> Any:
    """A value that fits a JSON schema of the usual kind, with `text` for whatever is any text."""
    return _sample(schema, schema, text, 0)


def _sample(schema: Any, root: Any, text: str, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    if "$ref" in schema:
        return _sample(_target(root, str(schema["$ref"])), root, text, depth + 1)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    options = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if options:
        chosen = next((one for one in options if isinstance(one, dict) and one.get("type") != "null"), {})
        return _sample(chosen, root, text, depth + 1)
    return _of_type(schema, root, text, depth)


def _of_type(schema: Mapping[str, Any], root: Any, text: str, depth: int) -> Any:
    kinds = schema.get("type") or ("object" if "properties" in schema else "string")
    kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object":
        properties = schema.get("properties") or {}
        required = schema.get("required") or ()
        return {name: _sample(properties.get(name, {}), root, text, depth + 1) for name in required}
    if kind == "array":
        count = max(1, int(schema.get("minItems", 0)))
        return [_sample(schema.get("items", {}), root, text, depth + 1) for _ in range(count)]
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return min(least, schema.get("maximum", least))
    if kind == "string":
        return text[: schema.get("maxLength", len(text))].ljust(schema.get("minLength", 0), "·")
    return True if kind == "boolean" else None


def _target(root: Any, reference: str) -> Any:
    """What `#/$defs/Name` points at."""
    found = root
    for name in reference.removeprefix("#").split("/")[1:]:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _stands_in(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.ASCII) is not None


def _scripted(arguments: Any) -> str:
    """As they are to be written: a text stands as it is, for what is no JSON."""
    return arguments if isinstance(arguments, str) else _json(arguments)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
