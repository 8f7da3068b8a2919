"""OpenAI's messages as turns of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.breathing import unhurried
from gateway.errors import BadRequest
from gateway.surfaces.attachments import attachment
from gateway.surfaces.tools import calls
from kimi.chat import Attachment, Call, Message, Role

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
    messages = tuple(
        [_plain(item) or reading.turn(item, f"messages[{index}]") for index, item in enumerate(unhurried(value))]
    )
    if reading.beyond_web is None and not any(_says(each) for each in messages):
        raise BadRequest("There is no text at all in `messages`.", param="messages")
    return Conversation(messages, reading.beyond_web)


def _says(message: Message) -> bool:
    return bool(message.content.strip() or message.attachments or message.calls or message.answers)


def _plain(item: object) -> Message | None:
    """A turn of one text and nothing else, as most are."""
    if not isinstance(item, dict) or item.keys() != _PLAIN:
        return None
    role, content = item["role"], item["content"]
    is_known = isinstance(role, str) and isinstance(content, str) and role in _ROLES
    return Message(_ROLES[role], content) if is_known else None


class _Reading:
    """Reads one request. What the web chats do not have is remembered: an official key may have it."""

    def __init__(self) -> None:
        self.beyond_web: BadRequest | None = None
        self._called: dict[str, str] = {}  # ids of the latest calls, by the names of their tools

    def turn(self, item: object, where: str) -> Message:
        if not isinstance(item, dict):
            raise BadRequest("A message has to be an object with `role` and `content`.", param=where)
        role = item.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise BadRequest(f"`role` has to be one of {', '.join(_ROLES)}.", param=f"{where}.role")
        texts, attachments = self._content(item.get("content"), f"{where}.content")
        content = "\n".join(texts)
        if role == "assistant":
            return Message("assistant", content, tuple(attachments), self._calls(item, where))
        answers = self._answers(item) if _ROLES[role] == "tool" else ""
        return Message(_ROLES[role], content, tuple(attachments), answers=answers)

    def _calls(self, item: Mapping[str, Any], where: str) -> tuple[Call, ...]:
        try:
            made = calls(item, where)
        except BadRequest as error:
            self.beyond_web = self.beyond_web or error
            return ()
        self._called |= {call.name: call.id for call in made}
        return made

    def _answers(self, item: Mapping[str, Any]) -> str:
        """The id of the call that a result belongs to; before there were ids it said the name of its tool."""
        call_id, name = item.get("tool_call_id"), item.get("name")
        if isinstance(call_id, str) and call_id:
            return call_id
        return self._called.get(name, "") if isinstance(name, str) else ""

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
