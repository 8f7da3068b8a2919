"""An answer as one message of Anthropic's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gateway.surfaces.messages.envelope import (
    call_block,
    checked,
    citations,
    end_of,
    message,
    text_block,
    thinking_block,
)
from gateway.surfaces.messages.signatures import seal, sign
from gateway.surfaces.messages.thinking import Shown
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity, literal
from kimi.errors import BrokenAnswer
from kimi.events import Annotation, Event, Finish, Text, Thinking, ToolCall, Usage

_NO_END: Final = Finish("stop")


@dataclass(slots=True)
class _Block:
    """A block of the message: texts of one kind, or a call that came in pieces."""

    kind: type[Event]
    texts: list[str] = field(default_factory=list)
    call: ToolCall | None = None


class MessageAnswer:
    """Events as one message."""

    def __init__(self, identity: Identity, tally: Tally, *, thinking: Shown) -> None:
        self._identity = identity
        self._tally = tally
        self._thinking = thinking
        self._blocks: list[_Block] = []
        self._calls: dict[int, _Block] = {}
        self._notes: list[Annotation] = []
        self._end = _NO_END

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._tally.usage

    def add(self, events: Sequence[Event]) -> None:
        """Takes what came."""
        self._tally.add(events)
        for event in events:
            match event:
                case Text(text) | Thinking(text):
                    self._write(type(event), text)
                case ToolCall():
                    self._call(event)
                case Annotation():
                    self._notes.append(event)
                case Finish():
                    self._end = event

    def body(self) -> bytes:
        """The JSON of the message. Raises `BrokenAnswer` where a call is not made with an object."""
        content = [block for each in self._blocks if (block := self._told(each)) is not None]
        if self._notes and content and content[-1]["type"] == "text":
            content[-1]["citations"] = citations(self._notes)
        end = end_of(self._end, has_calls=bool(self._calls))
        return orjson.dumps(message(self._identity, self.usage, content, end))

    def _write(self, kind: type[Event], text: str) -> None:
        if not text or (kind is Thinking and self._thinking == "hidden"):
            return
        if not self._blocks or self._blocks[-1].kind is not kind:
            self._blocks.append(_Block(kind))
        self._blocks[-1].texts.append(text)

    def _call(self, event: ToolCall) -> None:
        if event.index not in self._calls:
            self._calls[event.index] = _Block(ToolCall, call=event)
            self._blocks.append(self._calls[event.index])
        self._calls[event.index].texts.append(event.arguments)

    def _told(self, block: _Block) -> dict[str, Any] | None:
        text = "".join(block.texts)
        if block.call is not None:
            return self._called(block.call, text)
        if block.kind is Text:
            return text_block(literal(text))
        if self._thinking == "shown":
            return thinking_block(literal(text), sign(self._identity.id))
        return thinking_block(b'""', seal(text))

    def _called(self, call: ToolCall, arguments: str) -> dict[str, Any] | None:
        try:
            given = orjson.Fragment(checked(arguments))  # as it is written: numbers and depths of all sizes
        except BrokenAnswer:
            if self._end.reason == "length":  # it was cut off, and must not be made
                return None
            raise
        return {**call_block(call, self._identity), "input": given}
