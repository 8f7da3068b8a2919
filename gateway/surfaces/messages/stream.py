"""An answer as Anthropic's events: a message that starts, blocks one after the other, and its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import orjson

from gateway.problem import Problem
from gateway.surfaces.messages.envelope import (
    NO_END,
    call_block,
    checked,
    citations,
    end_of,
    figures,
    message,
    text_block,
    thinking_block,
)
from gateway.surfaces.messages.failures import error_of
from gateway.surfaces.messages.signatures import seal, sign
from gateway.surfaces.messages.thinking import Shown
from gateway.surfaces.places import Places
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity, enclosed
from kimi.errors import BrokenAnswer
from kimi.events import Annotation, Event, Finish, Text, Thinking, ToolCall, Usage

_text_of: Final = attrgetter("text")
_DELTA: Final = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":%b'
_TAIL: Final = b"}}\n\n"
_PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'
_DELTAS: Final[Mapping[type[Event], bytes]] = {
    Text: b'"text_delta","text":',
    Thinking: b'"thinking_delta","thinking":',
    ToolCall: b'"input_json_delta","partial_json":',
}
_EMPTY: Final[Mapping[type[Event], dict[str, Any]]] = {
    Text: text_block(b'""'),
    Thinking: thinking_block(b'""', ""),
}


class MessageStream:
    """Events as those of a message. `places` finds in the client's body what a failure is about."""

    holds_status = True

    def __init__(self, identity: Identity, tally: Tally, places: Places, *, thinking: Shown) -> None:
        self._identity = identity
        self._tally = tally
        self._count = tally.add_text
        self._places = places
        self._thinking = thinking
        self._has_begun = False
        self._blocks = 0  # begun so far, the last of which is open where it has a kind
        self._kind: type[Event] | None = None
        self._lead = b""  # what stands before a text of that kind
        self._calls: dict[int, int] = {}  # how many blocks had begun with that of the call
        self._arguments: list[str] = []  # of the call whose block is open
        self._notes: list[Annotation] = []
        self._thought: list[str] = []  # in a block that does not show it

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._tally.usage

    def render(self, events: Sequence[Event]) -> bytes:
        """The client's events for `events`, those of a kind that came together in one.

        Raises `BrokenAnswer` for calls that are mixed up or not made with an object.
        """
        if len(events) == 1 and type(events[0]) is self._kind:  # nearly always
            event = events[0]
            if (type(event) is Text or type(event) is Thinking) and event.text and self._lead:
                self._count(event.text)
                return enclosed(self._lead, event.text, _TAIL)
        told = b"".join([self._told(kind, list(group)) for kind, group in groupby(events, type)])
        return self._begun() + told if told else b""

    def heartbeat(self) -> bytes:
        """The event that Anthropic has for it, which comes behind the beginning of the message like all others."""
        return self._begun() + _PING

    def fail(self, problem: Problem) -> bytes:
        """The event that ends a stream in which something went wrong."""
        return _event("error", {"error": error_of(self._places.told(problem))})

    def _begun(self) -> bytes:
        """The beginning of the message where it has not been told."""
        if self._has_begun:
            return b""
        self._has_begun = True
        usage = Usage(prompt=self._tally.prompt, completion=0)
        return _event("message_start", {"message": message(self._identity, usage, [], NO_END)})

    def _told(self, kind: type[Event], events: Sequence[Event]) -> bytes:
        if kind is Text or kind is Thinking:
            return self._words(kind, "".join(map(_text_of, events)))
        self._tally.add(events)
        return b"".join(piece for event in events for piece in self._rare(event))

    def _words(self, kind: type[Event], text: str) -> bytes:
        if not text:
            return b""
        self._count(text)
        if kind is Thinking and self._thinking == "hidden":
            return b""
        begun = b"" if kind is self._kind else self._open(kind, _EMPTY[kind])
        if self._lead:
            return begun + enclosed(self._lead, text, _TAIL)
        self._thought.append(text)
        return begun

    def _rare(self, event: Event) -> Iterator[bytes]:
        if isinstance(event, ToolCall):
            yield self._call(event)
        elif isinstance(event, Annotation):
            self._notes.append(event)
        elif isinstance(event, Finish):
            yield from self._finish(event)

    def _call(self, event: ToolCall) -> bytes:
        begun = b""
        if event.index not in self._calls:
            begun = self._open(ToolCall, call_block(event, self._identity))
            self._calls[event.index] = self._blocks
        elif self._kind is not ToolCall or self._calls[event.index] != self._blocks:
            raise BrokenAnswer("a tool call goes on behind its end")
        if not event.arguments:
            return begun
        self._arguments.append(event.arguments)
        return begun + enclosed(self._lead, event.arguments, _TAIL)

    def _open(self, kind: type[Event], block: Mapping[str, Any]) -> bytes:
        begun = self._close() + _event("content_block_start", {"index": self._blocks, "content_block": block})
        is_told = kind is not Thinking or self._thinking == "shown"
        self._kind, self._lead = kind, _DELTA % (self._blocks, _DELTAS[kind]) if is_told else b""
        self._blocks += 1
        return begun

    def _close(self, *, is_cut: bool = False) -> bytes:
        """The end of the block that is open, if there is one, which may have been cut off."""
        kind, self._kind = self._kind, None
        if kind is None:
            return b""
        index = self._blocks - 1
        stop = _event("content_block_stop", {"index": index})
        if kind is ToolCall and not is_cut:
            checked("".join(self._arguments))
        self._arguments.clear()
        if kind is not Thinking:
            return stop
        signed = sign(self._identity.id) if self._thinking == "shown" else seal("".join(self._thought))
        self._thought.clear()
        delta = {"type": "signature_delta", "signature": signed}
        return _event("content_block_delta", {"index": index, "delta": delta}) + stop

    def _finish(self, finish: Finish) -> Iterator[bytes]:
        if self._kind is Text:
            for citation in citations(self._notes):
                delta = {"type": "citations_delta", "citation": citation}
                yield _event("content_block_delta", {"index": self._blocks - 1, "delta": delta})
        yield self._close(is_cut=finish.reason == "length")
        end = end_of(finish, has_calls=bool(self._calls))
        yield _event("message_delta", {"delta": end, "usage": figures(self.usage)})
        yield _event("message_stop", {})


def _event(name: str, fields: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **fields}))
