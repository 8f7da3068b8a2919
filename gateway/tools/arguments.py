"""A call as the model wrote it, as a call that a client can carry out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.schemas import Checker, known
from gateway.schemas.reading import loads
from gateway.shaping.marks import unmarked
from gateway.tools import mending
from gateway.tools.sieve import LONGEST, Written
from kimi.chat import Tool, Tools

_ATTRIBUTE: Final = re.compile(r"""name\s*=\s*["']?([^"'\s>]+)""")
_NATIVE: Final = re.compile(r"\s*(?:functions\.)?(.+?)(?::\d+)?\s*", re.DOTALL)
_ENVELOPES: Final = ("arguments", "parameters", "input")
"""Names under which other forms of calls have the arguments, beside `name`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that fits: `arguments` is JSON."""

    name: str
    arguments: str


class Unfit(ValueError):
    """A call that cannot be carried out; the text says why, for the model that wrote it."""


def read(written: Written, tools: Tools) -> Asked:
    """The call that is meant. Raises `Unfit`."""
    name = _name(written.head)
    if len(written.body) == LONGEST and not written.is_closed:
        raise Unfit(f"call of `{name or '?'}`: its arguments have more than {LONGEST:,} characters")
    try:
        value = _value(unmarked(written.body), tools, name, is_whole=written.is_closed)
    except ValueError as error:
        raise Unfit(f"call of `{name or '?'}`: its arguments are no JSON object: {error}") from None
    if not name and isinstance(value, dict):
        name, value = _unpacked(value)
    tool = _tool(name, tools)
    return Asked(tool.name, _checked(tool, {} if value is None else value))


def _value(body: str, tools: Tools, name: str, *, is_whole: bool) -> Any:
    """What `body` means. Raises `ValueError`."""
    field = next((_only_text(tool) for tool in tools.offered if tool.name == name), "") if is_whole else ""
    said = mending.unfenced(body)
    try:
        value = mending.read(body, is_whole=is_whole)
    except ValueError:
        if field and not said.lstrip().startswith("{"):
            return {field: said}
        raise
    if not isinstance(value, str):
        return {field: said} if field and not isinstance(value, dict) and value is not None else value
    try:
        return mending.read(value, is_whole=is_whole)  # quoted once more
    except ValueError:
        if field:
            return {field: value}
        raise


def _only_text(tool: Tool) -> str:
    """The name of the one argument of `tool` where that is a text, which a model may write as it is."""
    properties = tool.parameters.get("properties")
    fields = list(properties.items()) if isinstance(properties, dict) else []
    is_one = len(fields) == 1 and isinstance(fields[0][1], dict) and fields[0][1].get("type") == "string"
    return str(fields[0][0]) if is_one else ""


def _name(head: str) -> str:
    attribute = _ATTRIBUTE.search(head)
    if attribute:
        return attribute[1]
    native = _NATIVE.fullmatch(head)
    return native[1].strip() if native else ""


def _unpacked(value: dict[str, Any]) -> tuple[str, Any]:
    """The name and the arguments out of an object that holds both."""
    function = value.get("function")
    value = function if isinstance(function, dict) else value
    name = value.get("name")
    inner: Any = next((value[key] for key in _ENVELOPES if key in value), {})
    if isinstance(inner, str):
        with suppress(ValueError):
            inner = loads(inner)
    return (name if isinstance(name, str) else ""), inner


def _tool(name: str, tools: Tools) -> Tool:
    """The one of that name, which a model may write a little differently. Raises `Unfit`."""
    if tools.choice == "none":
        raise Unfit(f"call of `{name or '?'}`: none can be called")
    found = [tool for tool in tools.offered if tool.name == name] or [
        tool for tool in tools.offered if _alike(tool.name) == _alike(name)
    ]
    if len(found) != 1:
        raise Unfit(f"call of `{name or '?'}`: there is no tool of that name")
    if tools.choice == "named" and found[0].name != tools.name:
        raise Unfit(f"call of `{found[0].name}`: only `{tools.name}` can be called now")
    return found[0]


def _alike(name: str) -> str:
    return name.casefold().replace("-", "_").removeprefix("functions.")


def _checked(tool: Tool, value: Any) -> str:
    """The arguments, put right where that makes them fit. Raises `Unfit`."""
    meanings = _meanings(tool, value)
    schema = known(tool.parameters)
    complaints: Sequence[str] = ()
    for meant in meanings:
        if isinstance(meant, dict) and schema.fits(meant):
            try:
                return orjson.dumps(meant).decode()
            except (orjson.JSONEncodeError, UnicodeError):
                complaints = ("$: it holds characters that are none",)
    complaints = complaints or _complaints(schema, meanings[0])
    raise Unfit(f"call of `{tool.name}`: its arguments do not fit: {'; '.join(complaints)}")


def _meanings(tool: Tool, value: Any) -> Sequence[Any]:
    """What was written, and what may have been meant, that first which takes less for granted."""
    meanings = [*_fitted(tool, value)]
    if isinstance(value, dict) and value.get("name") == tool.name and any(key in value for key in _ENVELOPES):
        meanings += _fitted(tool, _unpacked(value)[1])
    return meanings


def _fitted(tool: Tool, value: Any) -> Sequence[Any]:
    """`value`, and what it is with other types where that is something else: 3.0 is 3, but not to all programs."""
    fitted = mending.fitted(value, tool.parameters)
    return (fitted,) if fitted == value else (value, fitted)


def _complaints(schema: Checker, value: Any) -> Sequence[str]:
    return schema.complaints(value) if isinstance(value, dict) else ('$: this is not of type "object"',)
