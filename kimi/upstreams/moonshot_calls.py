"""The calls in an answer of the official platform, which come in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from kimi.errors import BrokenAnswer
from kimi.events import ToolCall
from kimi.http import check_parts

_MOST = 128  # calls, and pieces of them in one chunk
_LONGEST_NAME = 256  # of a call, and of its id
_MOST_BYTES = 2 * 1024 * 1024  # of the arguments of all, which are looked at when they are whole


class Calls:
    """The calls of one answer."""

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}  # by index
        self._arguments: dict[int, bytearray] = {}
        self._room = _MOST_BYTES

    def __bool__(self) -> bool:
        return bool(self._ids)

    def told(self, calls: object) -> Iterator[ToolCall]:
        """The pieces that `calls` brings. Raises `BrokenAnswer`."""
        if not isinstance(calls, list):
            raise BrokenAnswer("tool calls are no list")
        if len(calls) > _MOST:
            raise BrokenAnswer(f"a chunk has more than {_MOST} pieces of tool calls")
        for call in calls:
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                raise BrokenAnswer("a tool call is without its function")
            call_id, name = _name(call, "id"), _name(function, "name")
            index = self._index(call.get("index"), call_id)
            first = index not in self._ids
            if first:
                self._ids[index] = call_id
            arguments = text_of(function, "arguments")
            if function.get("arguments") is not None:
                self._keep(index, arguments)
            if first or arguments:  # clients join repeated ids and names into one
                yield ToolCall(index, call_id or None if first else None, name or None if first else None, arguments)

    def check(self, *, is_cut: bool) -> None:
        """Raises `BrokenAnswer` for one without arguments, or whose arguments break off in an answer that is not cut.

        Those of all may have as many parts as one message. That they are right is the model's business.
        """
        if self._ids.keys() != self._arguments.keys():
            raise BrokenAnswer("a tool call came without its arguments")
        if is_cut:
            return
        check_parts(*self._arguments.values())
        if any(map(_breaks_off, self._arguments.values())):
            raise BrokenAnswer("the arguments of a tool call break off")

    def _keep(self, index: int, arguments: str) -> None:
        said = arguments.encode(errors="replace")
        self._arguments.setdefault(index, bytearray()).extend(said)
        self._room -= len(said)
        if self._room < 0:
            raise BrokenAnswer(f"the arguments of tool calls are longer than {_MOST_BYTES} bytes")

    def _index(self, told: object, call_id: str) -> int:
        """Which call a piece belongs to: without an index the one of its id, and without an id the latest."""
        if told is None and not call_id:
            return max(self._ids, default=0)
        if told is None:
            known = (index for index, known_id in self._ids.items() if known_id == call_id)
            told = next(known, len(self._ids))
        if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told < _MOST:
            raise BrokenAnswer("the index of a tool call is no number of one")
        return told


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """The text of that name; empty where there is none. Raises `BrokenAnswer` for what is no text."""
    text = fields.get(name)
    if isinstance(text, str):
        return text
    if text is None:
        return ""
    raise BrokenAnswer(f"{name} is no text")


def _name(fields: Mapping[str, Any], name: str) -> str:
    text = text_of(fields, name)
    if len(text) > _LONGEST_NAME:
        raise BrokenAnswer(f"the {name} of a tool call is longer than {_LONGEST_NAME} characters")
    return text


def _breaks_off(arguments: bytearray) -> bool:
    """Whether there is more to come of this JSON. What is wrong in its middle is no cut."""
    try:
        orjson.loads(arguments)
    except orjson.JSONDecodeError as error:
        return 0 < len(error.doc) <= error.pos
    return False
