"""The items of one answer, opened and closed by its events one after the other, as clients need them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from gateway.surfaces.responses.calls import FORMS, Call
from gateway.surfaces.responses.items import Item, Said, Thought, Told, Wordy
from gateway.surfaces.responses.tools import Toolbox
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import literals
from kimi.errors import BrokenAnswer
from kimi.events import Annotation, Event, Finish, FinishReason, Text, Thinking, ToolCall, Usage

_COMPLETED: Final = b"completed"
_INCOMPLETE: Final = b"incomplete"
_CUT: Final = frozenset({"length", "content_filter"})
_text_of: Final = attrgetter("text")


class Output:
    """What has come of an answer. `stem` tells its ids from those of others.

    `kind` is that of the text which came last, `words` the item that it belongs to, as long as that is open.
    `reason` is why the answer has ended.
    """

    def __init__(self, stem: str, tools: Toolbox, tally: Tally) -> None:
        self.kind: type[Event] | None = None
        self.words: Wordy | None = None
        self.reason: FinishReason | None = None
        self.at = 0  # characters of text
        self._stem = stem.encode()
        self._tools = tools
        self._tally = tally
        self._items: list[Item] = []
        self._open: Item | None = None
        self._calls: dict[int, Call] = {}
        self._thought = 0  # tokens
        self._mark = 0  # all tokens, when the thinking that runs began

    @property
    def usage(self) -> Usage:
        """What the answer took so far; of its thinking there is an estimate where nobody has told."""
        usage = self._tally.usage
        if usage.reasoning is not None:
            return usage
        return Usage(usage.prompt, usage.completion, usage.cached, min(self._thought, usage.completion))

    def add(self, events: Sequence[Event]) -> Iterator[Told]:
        """How `events` are told; all of it has to be read. Raises `BrokenAnswer` for calls that are mixed up."""
        for kind, group in groupby(events, type):
            if kind is Text or kind is Thinking:
                yield from self._add_text(kind, "".join(map(_text_of, group)))
                continue
            for event in group:
                yield from self._add_rare(event)

    def take(self, words: Wordy, text: str, piece: bytes) -> None:
        """Takes a text that belongs to the open `words`; `piece` is the JSON of it."""
        self._count(text)
        words.words.add(piece)

    def fail(self) -> None:
        """What is open will never be complete. Nobody is told: some clients run a call when they hear of its end."""
        next(self._close(_INCOMPLETE), None)  # it is incomplete before the first event says so

    def json(self) -> bytes:
        """All items, as a JSON list."""
        return b"[%b]" % b",".join(item.json() for item in self._items)

    def _add_text(self, kind: type[Event], text: str) -> Iterator[Told]:
        if not text:
            return
        words = self.words
        if words is None or kind is not self.kind:
            words = yield from self._next_words(kind)
        self._count(text)
        for piece in literals(text):
            words.words.add(piece)
            yield words.delta, words.lead + piece

    def _count(self, text: str) -> None:
        self._tally.add_text(text)
        if self.kind is Text:
            self.at += len(text)

    def _next_words(self, kind: type[Event]) -> Generator[Told, None, Wordy]:
        yield from self._close(_COMPLETED)
        index = len(self._items)
        item: Wordy = Said(self._stem, index, self.at) if kind is Text else Thought(self._stem, index)
        if kind is Thinking:
            self._mark = self._tally.completion
        self.kind, self.words = kind, item
        yield from self._begin(item)
        return item

    def _begin(self, item: Item) -> Iterator[Told]:
        self._items.append(item)
        self._open = item
        yield from item.opened()

    def _close(self, status: bytes) -> Iterator[Told]:
        item, self._open = self._open, None
        if item is None:
            return iter(())
        if isinstance(item, Thought):
            self._thought += self._tally.completion - self._mark
        self.kind, self.words = None, None
        return item.closed(status)

    def _add_rare(self, event: Event) -> Iterator[Told]:
        if isinstance(event, ToolCall):
            self._tally.add((event,))
            yield from self._add_call(event)
        elif isinstance(event, Annotation):
            yield from self._add_note(event)
        elif isinstance(event, Finish):
            self.reason = event.reason
            told = self._close(_INCOMPLETE if event.reason in _CUT else _COMPLETED)
            self._tally.add((event,))
            yield from told

    def _add_call(self, event: ToolCall) -> Iterator[Told]:
        call = self._calls.get(event.index)
        if call is None:
            yield from self._close(_COMPLETED)
            origin, index = self._tools.origin(event.name or ""), len(self._items)
            call_id = event.id or f"call_{self._stem.decode()}_{event.index}"
            call = self._calls[event.index] = FORMS[origin.form](self._stem, index, call_id, origin)
            yield from self._begin(call)
        elif call is not self._open:
            raise BrokenAnswer("a tool call goes on behind its end")
        yield from call.told(event.arguments)

    def _add_note(self, note: Annotation) -> Iterator[Told]:
        """The message that a note belongs to may have been closed meanwhile: notes come last.

        Where nothing was said nobody can be told of a page: a message of nothing would stand between calls and results.
        """
        told = [item for item in self._items if isinstance(item, Said)]
        if told:
            yield next((item for item in reversed(told) if item.start <= note.start), told[0]).note(note)
