"""OpenAI's messages as turns of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.errors import BadRequest
from gateway.surfaces.attachments import attachment
from kimi.chat import Attachment, Message, Role

_ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_PLAIN: Final = frozenset({"role", "content"})
_TEXTS: Final[Mapping[str, str]] = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns of a request, and what is wrong with its first part that the web chats do not have, if there is one."""

    messages: tuple[Message, ...]
    beyond_web: BadRequest | None = None


def conversation(value: object) -> Conversation:
    """The turns behind `messages`. Raises `BadRequest`."""
    if not isinstance(value, list):
        raise BadRequest("`messages` has to be a list of messages.", param="messages")
    if not value:
        raise BadRequest("`messages` has to hold at least one message.", param="messages")
    reading = _Reading()
    messages = tuple([_plain(item) or reading.turn(item, f"messages[{index}]") for index, item in enumerate(value)])
    if reading.beyond_web is None and not any(each.content.strip() or each.attachments for each in messages):
        raise BadRequest("`messages` hold no text at all.", param="messages")
    return Conversation(messages, reading.beyond_web)


def _plain(item: object) -> Message | None:
    """A turn of one text and nothing else, as most are."""
    if not isinstance(item, dict) or item.keys() != _PLAIN:
        return None
    role, content = item["role"], item["content"]
    is_known = isinstance(role, str) and isinstance(content, str) and role in _ROLES
    return Message(_ROLES[role], content) if is_known else None


class _Reading:
    """Reads one request. What the web chats do not have is remembered: an official key may have it."""

    beyond_web: BadRequest | None = None

    def turn(self, item: object, where: str) -> Message:
        if not isinstance(item, dict):
            raise BadRequest("A message has to be an object with `role` and `content`.", param=where)
        role = item.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise BadRequest(f"`role` has to be one of {', '.join(_ROLES)}.", param=f"{where}.role")
        texts, attachments = self._content(item.get("content"), f"{where}.content")
        content = "\n".join(part for part in ("\n".join(texts), *_calls(item)) if part)
        return Message(_ROLES[role], content, tuple(attachments))

    def _content(self, value: object, where: str) -> tuple[list[str], list[Attachment]]:
        if value is None:  # what clients send beside tool calls
            return [], []
        if isinstance(value, str):
            return [value], []
        if not isinstance(value, list):
            raise BadRequest("`content` has to be a text or a list of parts.", param=where)
        found = [self._part(part, f"{where}[{index}]") for index, part in enumerate(value)]
        texts = [part for part in found if isinstance(part, str)]
        return texts, [part for part in found if isinstance(part, Attachment)]

    def _part(self, part: object, where: str) -> str | Attachment | None:
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise BadRequest("A part of `content` has to be an object with a `type`.", param=where)
        field = _TEXTS.get(part["type"])
        if field is not None:
            return _text(part, field, where)
        try:
            return attachment(part, where)
        except BadRequest as error:
            self.beyond_web = self.beyond_web or error
            return None


def _text(part: Mapping[str, Any], field: str, where: str) -> str:
    text = part.get(field)
    if not isinstance(text, str):
        raise BadRequest(f"`{field}` has to be a text.", param=f"{where}.{field}")
    return text


def _calls(item: Mapping[str, Any]) -> Sequence[str]:
    """The tool calls of an earlier turn, as text: the web chats have no other place for them."""
    calls = item.get("tool_calls")
    if not isinstance(calls, list):
        return ()
    return [orjson.dumps(call.get("function")).decode() for call in calls if isinstance(call, dict)]
