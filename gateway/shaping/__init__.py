"""What happens to an answer between the upstream and the client, whatever dialect it came in and is told in.

Citation marks become links or vanish, sources are listed, and the answer ends where the client wants it to.
No I/O: events in, events out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final

from gateway.shaping.citations import Citations
from gateway.shaping.limits import Gate
from gateway.shaping.marks import Marks
from kimi.accounts import Kind
from kimi.chat import Alive, Chat, Event, Feature, Finish, Limits, Sources, Text, Thinking

_NO_LIMITS: Final = Limits()


def shaped(events: Generator[Event], chat: Chat, kind: Kind) -> Generator[Event]:
    """`events` as the client of `chat` is to have them. Closing this closes them.

    The official platform does all this by itself.
    """
    return events if kind is Kind.MOONSHOT else _shaped(events, Shaper(chat))


def _shaped(events: Generator[Event], shaper: Shaper) -> Generator[Event]:
    said, thought, gate = shaper.said.feed, shaper.thought.feed, shaper.gate
    with closing(events):
        for event in events:
            if type(event) is Text:
                shown = said(event.text)
            elif type(event) is Thinking:
                shown = thought(event.text)
            elif type(event) is Alive:
                yield event
                continue
            else:
                yield from shaper.other(event)
                continue
            kind = type(event)
            if gate is not None:
                shown = gate.feed(kind, shown)
                if gate.reason is not None:
                    events.close()  # before a slow client has read what came before
                    if shown:
                        yield kind(shown)
                    yield from shaper.citations.notes(gate.shown)
                    yield Finish(gate.reason, cut=True)
                    return
            if shown is event.text:  # what is not changed costs no new event
                yield event
            elif shown:
                yield kind(shown)


class Shaper:
    """What is known of one answer while it passes."""

    def __init__(self, chat: Chat) -> None:
        self.citations = Citations()
        self.said = Marks(self.citations.cite)
        self.thought = Marks(_not_at_all)
        self.gate = None if chat.limits == _NO_LIMITS else Gate(chat.limits)
        self._chat = chat

    def other(self, event: Event) -> Iterator[Event]:
        """What stands for an event that is no text."""
        if isinstance(event, Finish):
            yield from self._finish(event)
            return
        if isinstance(event, Sources):
            self.citations.learn(event.found)
        yield event

    def _finish(self, finish: Finish) -> Iterator[Event]:
        """The end that the upstream makes."""
        for kind, marks in ((Thinking, self.thought), (Text, self.said)):
            rest = marks.close()
            if self.gate is not None:
                rest = self.gate.close(kind, rest)
            if rest:
                yield kind(rest)
        if self.gate is not None and self.gate.reason is not None:  # in what was held back until now
            yield from self.citations.notes(self.gate.shown)
            yield replace(finish, reason=self.gate.reason)
            return
        if finish.reason != "content_filter":
            yield from self._sources(lines=finish.reason == "stop")
        yield finish

    def _sources(self, *, lines: bool) -> Iterator[Event]:
        at = self.said.at
        text = self.citations.lines() if lines and _for_readers(self._chat) else ""
        if text and (self.gate is None or self.gate.allows(text)):
            yield Text(text)
            self.citations.note_lines(at)
            at += len(text)
        self.citations.note_rest(at)
        yield from self.citations.notes(at)


def _for_readers(chat: Chat) -> bool:
    """Whether the answer is read by people: lines behind JSON would break it."""
    form = chat.body.get("response_format")
    return Feature.SILENT not in chat.features and not (isinstance(form, Mapping) and form.get("type") == "json_object")


def _not_at_all(_keys: Sequence[str], _at: int) -> str:
    return ""
