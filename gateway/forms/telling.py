"""What the model is told of the form that its answer has to have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from kimi.chat import Chat, Form, Message, Tools

_BESIDE_TOOLS: Final = (
    " That is the form of the answer which you give when you call no tool. Calls are written as it says about tools."
)
_ONLY: Final = (
    "and with nothing else: no words before or behind it, no code fence, no comments. A program reads your answer."
)


def told(chat: Chat) -> Chat:
    """`chat` with the form of its answer as the last of the system's words. It is told anew with every question."""
    return chat if chat.form is None else replace(chat, messages=spoken(chat.messages, chat.form, chat.tools))


def spoken(messages: tuple[Message, ...], form: Form | None, tools: Tools | None = None) -> tuple[Message, ...]:
    """`messages` and what a model is told of `form` among them, which may call `tools` before it answers."""
    if form is None:
        return messages
    at = max((number for number, message in enumerate(messages, 1) if message.role == "system"), default=0)
    said = words(form, may_call=tools is not None and tools.choice != "none")
    return (*messages[:at], Message("system", said), *messages[at:])


def words(form: Form, *, may_call: bool = False) -> str:
    """The form in words."""
    only = _ONLY + (_BESIDE_TOOLS if may_call else "")
    if form.schema is None:
        return f"Answer with one JSON object {only}"
    name = f' of "{form.name}"' if form.name else ""
    schema = orjson.dumps(form.schema).decode()
    return f"Answer with one JSON value {only} It has to be valid against this JSON schema{name}:\n{schema}"


def correction(complaints: Sequence[str]) -> str:
    """What the model is told for it to try once more."""
    wrong = "\n".join(f"- {complaint}" for complaint in complaints)
    return (
        f"Your answer cannot be read by the program that waits for it ($ is the whole of its JSON):\n{wrong}\n"
        "Give the same answer once more, all of it, with these mistakes put right: only the JSON, nothing else."
    )
