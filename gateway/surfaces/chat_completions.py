"""OpenAI's chat completions, streamed and whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import orjson

from gateway.problem import Problem
from gateway.surfaces.annotations import citation, lists
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import COMMENT, Identity, enclosed, literal, literals
from kimi.events import Annotation, Event, Finish, FinishReason, Text, Thinking, ToolCall, Usage

DONE: Final = b"data: [DONE]\n\n"
"""Ends a stream."""
_ROLE: Final = b'"role":"assistant","content":""'
_text_of: Final = attrgetter("text")
_OPENING: Final = b'{"index":0,"delta":{'
_NAMES: Final[Mapping[type[Event], bytes]] = {Text: b'"content":', Thinking: b'"reasoning_content":'}
_TAIL: Final = b'},"finish_reason":null}]}\n\n'


def figures(usage: Usage) -> dict[str, Any]:
    """What stands under `usage`."""
    told: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
    }
    if usage.cached is not None:
        told["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    if usage.reasoning is not None:
        told["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return told


class ChatStream:
    """Events as `chat.completion.chunk`s.

    The client asks with `include_usage` for the usage in a last chunk of its own; otherwise it is in the finish chunk.
    """

    holds_status = True

    def __init__(self, identity: Identity, tally: Tally, *, include_usage: bool) -> None:
        self._tally = tally
        self._count = tally.add_text
        self._include_usage = include_usage
        self._head = b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":[' % (
            literal(identity.id),
            identity.created,
            literal(identity.model),
        )
        self._kind: type[Event] | None = None  # of the text that came last
        self._lead = b""  # what stands before that kind
        self._has_begun = False
        self._calls: dict[int, str] = {}
        self._notes: list[Annotation] = []
        self._id = identity.id

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._tally.usage

    def render(self, events: Sequence[Event]) -> bytes:
        """The chunks for `events`, those of a kind that came together in one."""
        if len(events) == 1 and self._has_begun:  # nearly always
            event = events[0]
            if (type(event) is Text or type(event) is Thinking) and event.text and type(event) is self._kind:
                self._count(event.text)
                return enclosed(self._lead, event.text, _TAIL)
        chunks = b"".join([self._chunks(kind, list(group)) for kind, group in groupby(events, type)])
        if not chunks or self._has_begun:
            return chunks
        self._has_begun = True
        return self._chunk(_ROLE) + chunks

    def heartbeat(self) -> bytes:
        """A comment."""
        return COMMENT

    def fail(self, problem: Problem) -> bytes:
        """The chunk that ends a truncated answer. one-api reports it only with `choices` and `usage` beside it."""
        tail = orjson.dumps({"usage": figures(self.usage), "error": problem.error})
        return b"%b],%b\n\n%b" % (self._head, tail[1:], DONE)

    def _chunks(self, kind: type[Event], events: Sequence[Event]) -> bytes:
        name = _NAMES.get(kind)
        if name is None:
            self._tally.add(events)
            return b"".join(chunk for event in events for chunk in self._rare(event))
        text = "".join(map(_text_of, events))
        if not text:
            return b""
        self._count(text)
        if kind is not self._kind:
            self._kind, self._lead = kind, self._head + _OPENING + name
        return enclosed(self._lead, text, _TAIL)

    def _rare(self, event: Event) -> Iterator[bytes]:
        if isinstance(event, ToolCall):
            yield from self._call(event)
        elif isinstance(event, Annotation):
            self._notes.append(event)
        elif isinstance(event, Finish):
            for part in lists(self._notes):
                yield self._chunk(b'"annotations":%b' % part)
            yield self._finish(event.reason)

    def _chunk(self, delta: bytes) -> bytes:
        return self._head + _OPENING + delta + _TAIL

    def _call(self, event: ToolCall) -> Iterator[bytes]:
        """Clients concatenate an id or a name that comes twice."""
        function: dict[str, str] = {}
        call: dict[str, Any] = {"index": event.index}
        if event.index not in self._calls:
            self._calls[event.index] = event.id or f"call-{self._id}-{event.index}"
            call |= {"id": self._calls[event.index], "type": "function"}
            function["name"] = event.name or ""
        for piece in literals(event.arguments):
            arguments = orjson.Fragment(piece)
            yield self._chunk(
                b'"tool_calls":[%b]' % orjson.dumps(call | {"function": {**function, "arguments": arguments}})
            )
            call, function = {"index": event.index}, {}

    def _finish(self, reason: str) -> bytes:
        usage = orjson.dumps(figures(self.usage))
        finish = b'%b%b},"finish_reason":"%b"}]' % (self._head, _OPENING, reason.encode())
        if self._include_usage:
            return b'%b}\n\n%b],"usage":%b}\n\n%b' % (finish, self._head, usage, DONE)
        return b'%b,"usage":%b}\n\n%b' % (finish, usage, DONE)


class ChatAnswer:
    """Events as one `chat.completion`."""

    def __init__(self, identity: Identity, tally: Tally) -> None:
        self._identity = identity
        self._tally = tally
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._calls: dict[int, _Called] = {}
        self._notes: list[Annotation] = []
        self._reason: FinishReason | None = None

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._tally.usage

    def add(self, events: Sequence[Event]) -> None:
        """Takes what came."""
        self._tally.add(events)
        for event in events:
            match event:
                case Text(text):
                    self._text.append(text)
                case Thinking(text):
                    self._thinking.append(text)
                case ToolCall():
                    self._add_call(event)
                case Annotation():
                    self._notes.append(event)
                case Finish(reason):
                    self._reason = reason

    def body(self) -> bytes:
        """The JSON of the answer."""
        return b'{"id":%b,"object":"chat.completion","created":%d,"model":%b,"choices":[%b],"usage":%b}' % (
            literal(self._identity.id),
            self._identity.created,
            literal(self._identity.model),
            orjson.dumps(self._choice()),
            orjson.dumps(figures(self.usage)),
        )

    def _choice(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": _fragment(self._text), "refusal": None}
        if self._thinking:
            message["reasoning_content"] = _fragment(self._thinking)
        if self._calls:
            message["tool_calls"] = [self._calls[index].told() for index in sorted(self._calls)]
        if self._notes:
            message["annotations"] = [citation(note) for note in self._notes]
        return {"index": 0, "message": message, "logprobs": None, "finish_reason": self._reason}

    def _add_call(self, event: ToolCall) -> None:
        call = self._calls.get(event.index)
        if call is None:
            call = _Called(event.id or f"call-{self._identity.id}-{event.index}", event.name or "")
            self._calls[event.index] = call
        call.arguments.append(event.arguments)


@dataclass(frozen=True, slots=True)
class _Called:
    """A call, its arguments in the pieces that they came in: added up they would be copied again with each."""

    id: str
    name: str
    arguments: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": _fragment(self.arguments)}
        return {"id": self.id, "type": "function", "function": function}


def _fragment(texts: Sequence[str]) -> orjson.Fragment:
    return orjson.Fragment(literal("".join(texts)))
