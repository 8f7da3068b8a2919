"""Turns as Anthropic writes them: tool results are part of what a user says, tool calls of what the assistant said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from gateway.breathing import unhurried
from gateway.errors import BadRequest
from gateway.surfaces.messages.blocks import Part, blocks, kind_of, parts, text_of, texts
from gateway.surfaces.messages.ids import inward
from gateway.surfaces.messages.signatures import Unsealing

_ATTRIBUTION: Final = "x-anthropic-billing-header:"
"""Claude Code begins its instructions with this line for Anthropic, which is another one in each request."""
_ATTACHED: Final = "What is attached to the next message belongs to this result."
_FAILED: Final = "Error: "
_NOT_SAID: Final = frozenset(
    {"redacted_thinking", "server_tool_use", "mcp_tool_use", "mcp_tool_listing", "container_upload", "fallback"}
)
"""What only Anthropic can read, and so are the results of the tools that it runs."""


class Turns:
    """The messages of one request, and in `places` where their attachments stand in the client's body.

    Everything raises `BadRequest`.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.places: dict[str, str] = {}
        self._unsealing = Unsealing()

    def instruct(self, value: object, where: str = "system") -> None:
        """Takes instructions: a text, or blocks of text."""
        said = [value] if isinstance(value, str) else texts(value, where)
        text = "\n\n".join(filter(None, map(_unattributed, said)))
        if text:
            self.messages.append({"role": "system", "content": text})

    def read(self, value: object) -> None:
        """Takes the turns of a conversation. Where the last is the assistant's, the answer goes on from there."""
        if not isinstance(value, list) or not value:
            raise BadRequest("`messages` has to be a list of at least one message.", param="messages")
        takers: Mapping[object, Callable[[object, str], None]] = {
            "user": self._user,
            "assistant": self._assistant,
            "system": self.instruct,
        }
        for index, item in enumerate(unhurried(value)):
            where = f"messages.{index}"
            if not isinstance(item, Mapping):
                raise BadRequest("A message has to be an object with `role` and `content`.", param=where)
            role = item.get("role")
            if not isinstance(role, str) or role not in takers:
                raise BadRequest(f"`role` has to be one of {', '.join(map(str, takers))}.", param=f"{where}.role")
            content = item.get("content")
            if isinstance(content, str) and role != "system":
                self.messages.append({"role": role, "content": content})
            else:
                takers[role](content, f"{where}.content")
        last = self.messages[-1] if self.messages else {}
        if value[-1]["role"] == last.get("role") == "assistant" and "tool_calls" not in last:
            last["partial"] = True

    def _user(self, content: object, where: str) -> None:
        said: list[Part] = []
        for block, at in blocks(content, where):
            match kind_of(block, at):
                case "tool_result":
                    said += self._result(block, at)
                case "mid_conv_system":
                    self.instruct(block.get("content"), f"{at}.content")
                case _:
                    said += parts(block, at)
        if said:
            self._say(said)

    def _result(self, block: Mapping[str, Any], where: str) -> Iterator[Part]:
        """Takes a result, which can only be a text here: what is more than that comes in the user's own message."""
        answers, content = block.get("tool_use_id"), block.get("content")
        if not isinstance(answers, str) or not answers:
            raise BadRequest("`tool_use_id` has to be the id of a call.", param=f"{where}.tool_use_id")
        found = [(content, where)] if isinstance(content, str) else _inside(content, f"{where}.content")
        lines = [part for part, _ in found if isinstance(part, str)]
        attached = [(part, at) for part, at in found if not isinstance(part, str)]
        text = "\n".join([*lines, *([_ATTACHED] if attached else [])])
        failed = _FAILED if block.get("is_error") is True else ""
        self.messages.append({"role": "tool", "tool_call_id": inward(answers), "content": failed + text})
        yield from attached

    def _say(self, said: list[Part]) -> None:
        if len(said) == 1 and isinstance(said[0][0], str):
            self.messages.append({"role": "user", "content": said[0][0]})
            return
        content: list[Mapping[str, Any]] = []
        for part, at in said:
            if not isinstance(part, str):
                made = f"messages[{len(self.messages)}].content[{len(content)}]"
                self.places |= {made: at, f"{made}.image_url": f"{at}.source", f"{made}.file": f"{at}.source"}
            content.append({"type": "text", "text": part} if isinstance(part, str) else part)
        self.messages.append({"role": "user", "content": content})

    def _assistant(self, content: object, where: str) -> None:
        said, thought, calls = list[str](), list[str](), list[dict[str, Any]]()
        for block, at in blocks(content, where):
            kind = kind_of(block, at)
            match kind:
                case "text":
                    said.append(text_of(block, "text", at))
                case "compaction":
                    said.append(_left(block, at))
                case "thinking":
                    thought.append(text_of(block, "thinking", at) or self._unsealing.read(block.get("signature")))
                case "tool_use":
                    self.places[f"messages[{len(self.messages)}].tool_calls[{len(calls)}].function"] = at
                    calls.append(_call(block, at))
                case _ if kind not in _NOT_SAID and not kind.endswith("_tool_result"):
                    raise BadRequest("The assistant cannot have said this.", param=f"{at}.type")
        message: dict[str, Any] = {"role": "assistant", "content": "".join(said)}
        if "".join(thought):
            message["reasoning_content"] = "".join(thought)
        if calls:
            message["tool_calls"] = calls
        if message["content"] or calls:
            self.messages.append(message)


def _inside(content: object, where: str) -> list[Part]:
    return [part for block, at in blocks(content, where) for part in parts(block, at)] if content is not None else []


def _call(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    given = block.get("input")
    if not isinstance(given, Mapping):
        raise BadRequest("`input` has to be an object.", param=f"{where}.input")
    function = {"name": text_of(block, "name", where), "arguments": orjson.dumps(given).decode()}
    return {"id": inward(text_of(block, "id", where)), "type": "function", "function": function}


def _left(block: Mapping[str, Any], where: str) -> str:
    """What is left of earlier turns; nothing where they could not be shortened."""
    return "" if block.get("content") is None else f"{text_of(block, 'content', where)}\n\n"


def _unattributed(text: str) -> str:
    return text.partition("\n")[2].lstrip("\n") if text.startswith(_ATTRIBUTION) else text
