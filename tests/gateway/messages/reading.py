"""Reading a stream of Anthropic's as a strict client does."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.surfaces.messages.stream import MessageStream
from gateway.surfaces.messages.thinking import Shown
from gateway.surfaces.messages.whole import MessageAnswer
from gateway.surfaces.places import Places
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from kimi.chat import Message
from kimi.events import Event

IDENTITY = Identity(id="msg_1", created=17, model='claude "x"')
QUESTION = (Message("user", "What is the answer?"),)
NOWHERE = Places()


def stream(thinking: Shown = "shown", places: Places = NOWHERE) -> MessageStream:
    return MessageStream(IDENTITY, Tally(QUESTION), places, thinking=thinking)


def answer(thinking: Shown = "shown") -> MessageAnswer:
    return MessageAnswer(IDENTITY, Tally(QUESTION), thinking=thinking)


def whole(*events: Event, thinking: Shown = "shown") -> Any:
    """The message that `events` are, one after the other."""
    made = answer(thinking)
    for event in events:
        made.add([event])
    return orjson.loads(made.body())


def read(data: bytes) -> list[Any]:
    """The events in `data`: each has a name, which its object says too, and no line is too long for anybody."""
    if not data:
        return []
    assert data.endswith(b"\n\n")
    found = []
    for event in data.removesuffix(b"\n\n").split(b"\n\n"):
        name, line = event.split(b"\n")
        assert len(line) < 65_536
        found.append(orjson.loads(line.removeprefix(b"data: ")))
        assert name == b"event: " + found[-1]["type"].encode()
    return found


def kinds(events: list[Any]) -> list[str]:
    return [event["type"] for event in events]
