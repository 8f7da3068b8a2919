"""An answer as OpenAI's response, streamed as typed events and whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

import orjson

from gateway.breathing import breathe
from gateway.problem import Problem
from gateway.surfaces.responses.envelope import Envelope
from gateway.surfaces.responses.items import Told
from gateway.surfaces.responses.output import Output
from gateway.surfaces.wire import SURELY_SMALL, literal
from kimi.events import Event, Finish, Text, Thinking, Usage

LONG: Final = 64 * 1024
"""Bytes of events that are written at once at the end."""
_OPENING: Final = (b"response.created", b"response.in_progress")
_LINE: Final = b'event: %b\ndata: {"type":"%b","sequence_number":%d,%b}\n\n'


class ResponseStream:
    """Events as a response's typed events, numbered. `told` puts a problem into the client's words."""

    holds_status = True

    def __init__(self, envelope: Envelope, output: Output, told: Callable[[Problem], Problem]) -> None:
        self._envelope = envelope
        self._output = output
        self._told = told
        self._number = 0  # of the next event
        self._left: Iterator[Told] = iter(())  # of the end
        self._lead = b""  # what stands before the number of a piece of text, and behind it
        self._follow = b""

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._output.usage

    def heartbeat(self) -> bytes:
        """That the response is in progress, or still is. Codex takes no notice of comments: to it they are silence."""
        return self._written(self._opening()[1 if self._number else 0 :])

    def render(self, events: Sequence[Event]) -> bytes:
        """The events for `events`."""
        output, words = self._output, self._output.words
        if len(events) == 1 and words is not None:  # nearly always
            event = events[0]
            if (type(event) is Text or type(event) is Thinking) and type(event) is output.kind:
                text = event.text
                if text and len(text) <= SURELY_SMALL:
                    piece = literal(text)
                    output.take(words, text, piece)
                    number = self._number
                    self._number = number + 1
                    return b"%b%d%b%b}\n\n" % (self._lead, number, self._follow, piece)
        if not events or type(events[-1]) is Finish:
            return self._ended(events)
        told = list(output.add(events))
        if output.words is not None:
            delta = output.words.delta
            self._lead = b'event: %b\ndata: {"type":"%b","sequence_number":' % (delta, delta)
            self._follow = b"," + output.words.lead
        return self._numbered(told)

    def fail(self, problem: Problem) -> bytes:
        """The events that end a truncated answer.

        Some clients look at `error` alone (openai-python raises it, others want its fields at the top), and some at
        the response that has failed.
        """
        problem = self._told(problem)
        error = problem.error
        fields = orjson.dumps({name: error[name] for name in ("code", "message", "param")} | {"error": error})[1:-1]
        self._output.fail()
        response = self._envelope.failed(problem, self._output.json(), self.usage)
        return self._numbered([(b"error", fields), (b"response.failed", b'"response":' + response)])

    def _ended(self, events: Sequence[Event]) -> bytes:
        """A piece of the end, which says all of the answer once more, and again: others have their turn in between."""
        if events:
            self._left = chain(self._output.add(events), self._whole())
        told: list[Told] = []
        size = 0
        for each in self._left:
            told.append(each)
            size += len(each[1])
            if size > LONG:
                break
        return self._numbered(told)

    def _whole(self) -> Iterator[Told]:
        """The event of the response."""
        status, response = self._envelope.ended(self._output.reason, self._output.json(), self.usage)
        yield b"response." + status, b'"response":' + response

    def _numbered(self, told: Sequence[Told]) -> bytes:
        """The bytes of events, and before the first ones those that open a response."""
        return self._written(told if self._number or not told else (*self._opening(), *told))

    def _opening(self) -> Sequence[Told]:
        begun = b'"response":' + self._envelope.begun()
        return [(name, begun) for name in _OPENING]

    def _written(self, told: Sequence[Told]) -> bytes:
        first = self._number
        self._number += len(told)
        return b"".join(_LINE % (kind, kind, number, fields) for number, (kind, fields) in enumerate(told, first))


class ResponseAnswer:
    """Events as one response. Others have their turn where much is told of it that nobody hears."""

    def __init__(self, envelope: Envelope, output: Output) -> None:
        self._envelope = envelope
        self._output = output

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._output.usage

    def add(self, events: Sequence[Event]) -> None:
        """Takes what came."""
        for _, fields in self._output.add(events):
            if len(fields) > LONG:
                breathe()

    def body(self) -> bytes:
        """The JSON of the response."""
        return self._envelope.ended(self._output.reason, self._output.json(), self.usage)[1]
