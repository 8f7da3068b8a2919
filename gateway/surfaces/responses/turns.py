"""The items of a request as messages of chat completions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import orjson

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
        *("mcp_list_tools", "mcp_approval_request", "mcp_approval_response"),
    }
)
"""What others have done for an answer that is here itself; nobody could do anything with it."""
NO_ITEM: Final = "There is no such item, or not any more: send items themselves, as clients do with `store` false."


class Turns:
    """Reads one request. `made` leads from its `messages` to the items that they were made of.

    `follows` is the response that was referred to last, if any, at the place `referred`; what stood before that is no
    part of the messages.
    """

    def __init__(self, tools: Toolbox) -> None:
        self.messages: list[dict[str, Any]] = []
        self.made: dict[str, str] = {}
        self.follows = ""
        self.referred = ""
        self._tools = tools
        self._thought: list[str] = []  # what belongs to the assistant's next words

    def instruct(self, value: object) -> None:
        """Takes `instructions`. Raises `BadRequest`."""
        if value is None or value == "":
            return
        if not isinstance(value, str):
            raise BadRequest("`instructions` have to be a text.", param="instructions")
        self._say_text("system", value, "instructions")

    def read(self, value: object) -> None:
        """Takes `input`: a text, or a list of items. Raises `BadRequest`."""
        if isinstance(value, str):
            self._say_text("user", value, "input")
            return
        if not isinstance(value, list) or not value:
            raise BadRequest("`input` has to be a text or a list of items.", param="input")
        for index, item in enumerate(value):
            where = f"input[{index}]"
            if not isinstance(item, Mapping):
                raise BadRequest("An item has to be an object.", param=where)
            kind = _kind(item, where)
            taker = self._TAKERS.get(kind)
            if taker is not None:
                taker(self, item, where)
            elif kind not in _PASSED_OVER:
                raise BadRequest("Items of this type are not understood here.", param=f"{where}.type")

    def _say(self, message: dict[str, Any], where: str) -> None:
        self.made[f"messages[{len(self.messages)}]"] = where
        self.messages.append(message)

    def _say_text(self, role: str, text: str, where: str) -> None:
        self.made[f"messages[{len(self.messages)}].content"] = where
        self._say({"role": role, "content": text}, where)

    def _message(self, item: Mapping[str, Any], where: str) -> None:
        role = item.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise BadRequest(f"`role` has to be one of {', '.join(_ROLES)}.", param=f"{where}.role")
        at = f"messages[{len(self.messages)}].content"
        said = {"role": _ROLES[role], "content": content(item.get("content"), f"{where}.content", at, self.made)}
        self._say(said | self._thinking() if role == "assistant" else said, where)

    def _reasoning(self, item: Mapping[str, Any], where: str) -> None:
        for name in ("summary", "content"):
            if item.get(name):
                self._thought.append(texts(item[name], f"{where}.{name}"))
                return

    def _thinking(self) -> dict[str, str]:
        """What was thought before; Kimi's official models want to hear it again behind the results of tools."""
        thought, self._thought = "\n\n".join(self._thought), []
        return {"reasoning_content": thought} if thought else {}

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
        if not self.messages or self.messages[-1]["role"] != "assistant":
            self._say({"role": "assistant", "content": ""}, where)
        message = self.messages[-1]
        if "reasoning_content" in message:
            self._thought.insert(0, message["reasoning_content"])
        message |= self._thinking()
        calls = message.setdefault("tool_calls", [])
        self.made[f"messages[{len(self.messages) - 1}].tool_calls[{len(calls)}]"] = where
        function = {"name": function_name(name, item.get("namespace")), "arguments": arguments}
        calls.append({"id": _text(item, "call_id", where), "type": "function", "function": function})

    def _result(self, item: Mapping[str, Any], where: str) -> None:
        at = f"messages[{len(self.messages)}].content"
        said = content(item.get("output"), f"{where}.output", at, self.made)
        self._say({"role": "tool", "tool_call_id": _text(item, "call_id", where), "content": said}, where)

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
        self.follows, self.referred = f"resp_{named[1]}", f"{where}.id"
        said = enumerate(self.messages)
        kept = [(self.made[f"messages[{n}]"], each) for n, each in said if each["role"] == "system"]
        self.messages, self.made, self._thought = [], {}, []
        for place, message in kept:
            self._say(message, place)

    _TAKERS: ClassVar[Mapping[str, Callable[[Turns, Mapping[str, Any], str], None]]] = {
        "message": _message,
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
