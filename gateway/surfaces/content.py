"""OpenAI's messages as turns of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.errors import BadRequest
from kimi.chat import Message, Role

_ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TEXTS: Final[Mapping[str, str]] = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns of a request, and where its first part stands that is not text, if there is one."""

    messages: tuple[Message, ...]
    attachment: str | None = None


def conversation(value: object) -> Conversation:
    """The turns behind `messages`. Raises `BadRequest`."""
    if not isinstance(value, list):
        raise BadRequest("`messages` has to be a list of messages.", param="messages")
    if not value:
        raise BadRequest("`messages` has to hold at least one message.", param="messages")
    turns = [_turn(item, f"messages[{index}]") for index, item in enumerate(value)]
    attachment = next((found for _, found in turns if found is not None), None)
    if attachment is None and not any(message.content.strip() for message, _ in turns):
        raise BadRequest("`messages` hold no text at all.", param="messages")
    return Conversation(tuple(message for message, _ in turns), attachment)


def _turn(item: object, where: str) -> tuple[Message, str | None]:
    if not isinstance(item, dict):
        raise BadRequest("A message has to be an object with `role` and `content`.", param=where)
    role = item.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise BadRequest(f"`role` has to be one of {', '.join(_ROLES)}.", param=f"{where}.role")
    text, attachment = _content(item.get("content"), f"{where}.content")
    return Message(_ROLES[role], "\n".join(part for part in (text, *_calls(item)) if part)), attachment


def _content(value: object, where: str) -> tuple[str, str | None]:
    if value is None:  # what clients send beside tool calls
        return "", None
    if isinstance(value, str):
        return value, None
    if not isinstance(value, list):
        raise BadRequest("`content` has to be a text or a list of parts.", param=where)
    texts, attachment = [], None
    for index, part in enumerate(value):
        text = _part(part, f"{where}[{index}]")
        if text is None:
            attachment = attachment or f"{where}[{index}]"
        else:
            texts.append(text)
    return "\n".join(texts), attachment


def _part(part: object, where: str) -> str | None:
    """The text of a part, or None for a part that is something else."""
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise BadRequest("A part of `content` has to be an object with a `type`.", param=where)
    field = _TEXTS.get(part["type"])
    if field is None:
        return None
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
