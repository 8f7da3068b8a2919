"""A history of several turns as the one message that the web dialects read.

The lines `role:content` are what public clients of the web chat send.
A message that holds such a line itself would forge a turn: it is indented as a whole, so that every line at the left
edge that looks like a turn is one, and nothing of its text is lost.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kimi.chat import Message, Upload

_FORGED = re.compile(r"\s*(?:system|user|assistant|tool)\s*[:：]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Folded:
    """A prompt for a dialect with a slot of its own for the system's words; `None` where there are none."""

    system: str | None
    text: str


def asking_about(files: Sequence[Upload], messages: Sequence[Message]) -> Sequence[Message]:
    """`messages`, where one that ends in files without a word asks by their names: empty ones are refused."""
    if not files or not messages or messages[-1].role != "user" or messages[-1].content.strip():
        return messages
    names = ", ".join(filter(None, (file.name.strip() for file in files))) or "?"
    return [*messages[:-1], replace(messages[-1], content=names)]


def into_one(messages: Sequence[Message]) -> str:
    """Everything in one text, the system's words first. A single turn of the user stands as it is."""
    said = _said(messages)
    return _text([*(m for m in said if m.role == "system"), *(m for m in said if m.role != "system")])


def beside_system(messages: Sequence[Message]) -> Folded:
    """The system's words apart from the turns. Where there are only those, they are the question."""
    said = _said(messages)
    turns = [message for message in said if message.role != "system"]
    if not turns:
        return Folded(None, "\n\n".join(message.content for message in said))
    system = "\n\n".join(message.content for message in said if message.role == "system")
    return Folded(system or None, _text(turns))


def _said(messages: Sequence[Message]) -> list[Message]:
    return [message for message in messages if message.content.strip()]


def _text(messages: Sequence[Message]) -> str:
    if len(messages) == 1 and messages[0].role == "user":
        return messages[0].content
    return "\n".join(_turn(message) for message in messages)


def _turn(message: Message) -> str:
    _, *rest = message.content.splitlines()
    if any(_FORGED.match(line) for line in rest):
        return f"{message.role}:\n" + textwrap.indent(message.content, "    ")
    return f"{message.role}:{message.content}"
