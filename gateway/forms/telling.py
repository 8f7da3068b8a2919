"""What the model is told of the form that its answer has to have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from kimi.chat import Chat, Form, Message

_ONLY: Final = (
    "and with nothing else: no words before or behind it, no code fence, no comments. A program reads your answer."
)


def told(chat: Chat) -> Chat:
    """`chat` with the form of its answer as the last of the system's words. It is told anew with every question."""
    return chat if chat.form is None else replace(chat, messages=spoken(chat.messages, chat.form))


def spoken(messages: tuple[Message, ...], form: Form | None) -> tuple[Message, ...]:
    """`messages` and what a model is told of `form` among them."""
    if form is None:
        return messages
    at = max((number for number, message in enumerate(messages, 1) if message.role == "system"), default=0)
    return (*messages[:at], Message("system", words(form)), *messages[at:])


def words(form: Form) -> str:
    """The form in words."""
    if form.schema is None:
        return f"Answer with one JSON object {_ONLY}"
    name = f' of "{form.name}"' if form.name else ""
    schema = orjson.dumps(form.schema).decode()
    return f"Answer with one JSON value {_ONLY} It has to be valid against this JSON schema{name}:\n{schema}"


def correction(complaints: Sequence[str]) -> str:
    """What the model is told for it to try once more."""
    wrong = "\n".join(f"- {complaint}" for complaint in complaints)
    return (
        f"Your answer cannot be read by the program that waits for it ($ is the whole of its JSON):\n{wrong}\n"
        "Give the same answer once more, all of it, with these mistakes put right: only the JSON, nothing else."
    )
