"""The items of a request as messages of chat completions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import orjson

from gateway.breathing import unhurried
from gateway.errors import BadRequest
from gateway.surfaces.responses.parts import content, texts
from gateway.surfaces.responses.tools import Toolbox, function_name

_ITEM: Final = re.compile(r"(?:msg|fc|ctc|tsc)_([0-9a-zA-Z-]{1,64})_\d+")
"""Ids of our items: they tell in the group which response they belong to."""
_THOUGHT: Final = "rs_"
"""The ids of what was thought begin with it, which an answer can do without."""
_ROLES: Final = {"user": "user", "system": "system", "developer": "system", "assistant": "assistant"}
"""The official platform has no developers."""
_PASSED_OVER: Final = frozenset(
    {
        *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
        *("mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response"),
    }
)
"""What others have done for an answer that is here itself; nobody could do anything with it."""
NO_ITEM: Final = "There is no such item, or not any more: send items themselves, as clients do with `store` false."


@dataclass(frozen=True, slots=True)
class _Turn:
    """A message, and the item at `where` that it was made of.

    `made` leads from places in the message, as in `.content[1]`, to those in the item that they come from.
    `thought` was thought before its words or its calls.
    """

    message: dict[str, Any]
    where: str
    made: dict[str, str] = field(default_factory=dict)
    thought: list[str] = field(default_factory=list)

    def complete(self) -> dict[str, Any]:
        """The message. Kimi's official models want to hear again, behind the results of tools, what they thought."""
        return self.message | {"reasoning_content": "\n\n".join(self.thought)} if self.thought else self.message


class Turns:
    """Reads one request.

    `follows` is the response whose conversation goes on: the one that the request names, or else that of the item which
    was referred to last, at the place `referred`. What stood before such an item is no part of the messages.
    """

    def __init__(self, tools: Toolbox, follows: str = "") -> None:
        self.follows = follows
        self.referred = ""
        self._tools = tools
        self._kept: list[_Turn] = []  # what is said again behind a response
        self._turns: list[_Turn] = []
        self._thought: list[str] = []  # what belongs to the assistant's next words

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All that was said, in chat completions' words."""
        return [turn.complete() for turn in (*self._kept, *self._turns)]

    @property
    def made(self) -> dict[str, str]:
        """Leads from places in `messages` to what they were made of."""
        places = {}
        for number, turn in enumerate((*self._kept, *self._turns)):
            at = f"messages[{number}]"
            places[at] = turn.where
            for inner, where in turn.made.items():
                places[f"{at}{inner}"] = where
        return places

    def instruct(self, value: object) -> None:
        """Takes `instructions`. Raises `BadRequest`."""
        if value is None or value == "":
            return
        if not isinstance(value, str):
            raise BadRequest("`instructions` have to be a text.", param="instructions")
        self._say({"role": "system", "content": value}, "instructions", {".content": "instructions"})

    def read(self, value: object) -> None:
        """Takes `input`: a text, or a list of items. Raises `BadRequest`."""
        if isinstance(value, str):
            self._say({"role": "user", "content": value}, "input", {".content": "input"})
            return
        if not isinstance(value, list) or not value:
            raise BadRequest("`input` has to be a text or a list of items.", param="input")
        for index, item in enumerate(unhurried(value)):
            where = f"input[{index}]"
            if not isinstance(item, Mapping):
                raise BadRequest("An item has to be an object.", param=where)
            kind = _kind(item, where)
            taker = self._TAKERS.get(kind)
            if taker is not None:
                taker(self, item, where)
            elif kind not in _PASSED_OVER:
                raise BadRequest("Items of this type are not understood here.", param=f"{where}.type")

    def _say(self, message: dict[str, Any], where: str, made: dict[str, str] | None = None) -> None:
        """What was thought belongs to what the assistant says next, or to nothing."""
        thought, self._thought = self._thought, []
        self._turns.append(_Turn(message, where, made or {}, thought if message["role"] == "assistant" else []))

    def _message(self, item: Mapping[str, Any], where: str) -> None:
        role = item.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise BadRequest(f"`role` has to be one of {', '.join(_ROLES)}.", param=f"{where}.role")
        self._say_content({"role": _ROLES[role]}, item, "content", where)

    def _say_content(self, message: dict[str, Any], item: Mapping[str, Any], name: str, where: str) -> None:
        """Says what stands under `name`."""
        made: dict[str, str] = {}
        said = content(item.get(name), f"{where}.{name}", ".content", made)
        self._say(message | {"content": said}, where, made)

    def _reasoning(self, item: Mapping[str, Any], where: str) -> None:
        for name in ("summary", "content"):
            if item.get(name):
                self._thought.append(texts(item[name], f"{where}.{name}"))
                return

    def _call(self, item: Mapping[str, Any], where: str) -> None:
        arguments = item.get("arguments")
        if not isinstance(arguments, str):
            raise BadRequest("`arguments` have to be a text that holds JSON.", param=f"{where}.arguments")
        self._called(item, _text(item, "name", where), arguments, where)

    def _custom_call(self, item: Mapping[str, Any], where: str) -> None:
        if not isinstance(item.get("input"), str):
            raise BadRequest("`input` has to be a text.", param=f"{where}.input")
        arguments = orjson.dumps({"input": item["input"]}).decode()
        self._called(item, _text(item, "name", where), arguments, where)

    def _search_call(self, item: Mapping[str, Any], where: str) -> None:
        if item.get("call_id") is not None:  # otherwise OpenAI has searched
            self._called(item, "tool_search", orjson.dumps(item.get("arguments") or {}).decode(), where)

    def _called(self, item: Mapping[str, Any], name: str, arguments: str, where: str) -> None:
        """Adds a call to what the assistant has just said, or to nothing."""
        call_id = _text(item, "call_id", where)
        if not self._turns or self._turns[-1].message["role"] != "assistant":
            self._say({"role": "assistant", "content": ""}, where)
        turn = self._turns[-1]
        turn.thought.extend(self._thought)
        self._thought.clear()
        calls = turn.message.setdefault("tool_calls", [])
        turn.made[f".tool_calls[{len(calls)}]"] = where
        function = {"name": function_name(name, item.get("namespace")), "arguments": arguments}
        calls.append({"id": call_id, "type": "function", "function": function})

    def _result(self, item: Mapping[str, Any], where: str) -> None:
        """A result that nobody has called for names its tool instead; models want to see a call before it."""
        if item.get("call_id") is None and item.get("name") is not None:
            item = {**item, "call_id": f"call_of_{where}"}
            self._called(item, _text(item, "name", where), "{}", where)
        self._say_content({"role": "tool", "tool_call_id": _text(item, "call_id", where)}, item, "output", where)

    def _agent(self, item: Mapping[str, Any], where: str) -> None:
        """What another agent of the client's has to say."""
        self._say({"role": "user", "content": texts(item.get("content"), f"{where}.content")}, where)

    def _found(self, item: Mapping[str, Any], where: str) -> None:
        before = len(self._tools.functions)
        self._tools.offer(item.get("tools"), f"{where}.tools")
        if item.get("call_id") is None:
            return
        names = [each["function"]["name"] for each in self._tools.functions[before:]]
        said = f"These can be called now: {', '.join(names)}" if names else "No further tools were found."
        self._say({"role": "tool", "tool_call_id": _text(item, "call_id", where), "content": said}, where)

    def _additional(self, item: Mapping[str, Any], where: str) -> None:
        self._tools.offer(item.get("tools"), f"{where}.tools")

    def _reference(self, item: Mapping[str, Any], where: str) -> None:
        """All up to an item of ours is known where its response is; instructions are said again each time."""
        item_id = _text(item, "id", where)
        if item_id.startswith(_THOUGHT):
            return
        named = _ITEM.fullmatch(item_id)
        if named is None:
            raise BadRequest(NO_ITEM, param=f"{where}.id")
        if self.follows and not self.referred:  # all items of that response are known, and those before it
            return
        self.follows, self.referred = f"resp_{named[1]}", f"{where}.id"
        self._kept += (turn for turn in self._turns if turn.message["role"] == "system")
        self._turns.clear()
        self._thought.clear()

    _TAKERS: ClassVar[Mapping[str, Callable[[Turns, Mapping[str, Any], str], None]]] = {
        "message": _message,
        "agent_message": _agent,
        "function_call": _call,
        "custom_tool_call": _custom_call,
        "tool_search_call": _search_call,
        "function_call_output": _result,
        "custom_tool_call_output": _result,
        "tool_search_output": _found,
        "additional_tools": _additional,
        "reasoning": _reasoning,
        "item_reference": _reference,
    }


def _kind(item: Mapping[str, Any], where: str) -> str:
    kind = item.get("type")
    if kind is None:
        kind = "message" if "role" in item else "item_reference"
    if not isinstance(kind, str):
        raise BadRequest("`type` has to be a text.", param=f"{where}.type")
    return kind


def _text(item: Mapping[str, Any], field: str, where: str) -> str:
    text = item.get(field)
    if not isinstance(text, str) or not text:
        raise BadRequest(f"`{field}` has to be a text.", param=f"{where}.{field}")
    return text
