"""What happens to an answer between the upstream and the client, whatever dialect it came in and is told in.

Citation marks become links or vanish, sources are listed, and the answer ends where the client wants it to.
No I/O: events in, events out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from gateway.forms.checking import Checked
from gateway.shaping.citations import Citations
from gateway.shaping.limits import Gate, Piece
from gateway.shaping.marks import Marks
from kimi.accounts import Kind
from kimi.chat import Chat, Feature, Limits
from kimi.events import Event, Finish, Sources, Text, Thinking, ToolCall

_NO_LIMITS: Final = Limits()

Shape = Callable[[Sequence[Event]], Sequence[Event]]
"""Takes the batches of an answer one after the other, and gives what its client is to have of each.

The one that ends with `Finish`, or with `Again` in its place, is the last: the upstream's stream has to be closed
before it is passed on, because `Finish` may be `cut`, and a client be slow.
"""


def shape(chat: Chat, kind: Kind, calling: Shape | None = None) -> Shape:
    """For the answer to `chat` by an account of `kind`, after `calling`, which finds tool calls in what was written.

    The official platform does all this by itself.
    """
    if kind is Kind.MOONSHOT:
        return _as_it_is
    steps: list[Shape] = [Shaper(chat).feed]
    if calling is not None:
        steps.insert(0, calling)
    if chat.form is not None:
        steps.append(Checked(chat.form).feed)
    return steps[0] if len(steps) == 1 else partial(_one_after_the_other, steps)


class Shaper:
    """What is known of one answer while it passes."""

    __slots__ = ("_chat", "_citations", "_gate", "_said", "_thought")

    def __init__(self, chat: Chat) -> None:
        self._citations = Citations()
        self._said = Marks(self._citations.cite if chat.form is None else _not_at_all)
        self._thought = Marks(_not_at_all)
        self._gate = None if chat.limits == _NO_LIMITS else Gate(chat.limits)
        self._chat = chat

    def feed(self, batch: Sequence[Event]) -> Sequence[Event]:
        """See `Shape`; `batch` itself where nothing has to be changed, as nearly always."""
        gate = self._gate
        shown: list[Event] = []
        is_changed = False
        for event in batch:
            if type(event) is Text:
                text = self._said.feed(event.text)
            elif type(event) is Thinking:
                text = self._thought.feed(event.text)
            elif isinstance(event, Finish):
                return [*shown, *self._finish(event)]
            else:
                passed = self._pass(event)
                shown += passed
                is_changed = is_changed or len(passed) != 1
                if gate is not None and gate.reason is not None:
                    return [*shown, *self._cut(Finish(gate.reason, cut=True, stop=gate.stop))]
                continue
            kind = type(event)
            if gate is not None:
                text = gate.feed(kind, text)
                if gate.reason is not None:
                    return [*shown, *_piece(kind, text), *self._cut(Finish(gate.reason, cut=True, stop=gate.stop))]
            if text is event.text:  # what is not changed costs no new event
                shown.append(event)
            else:
                is_changed = True
                shown += _piece(kind, text)
        return shown if is_changed else batch

    def _pass(self, event: Event) -> Sequence[Event]:
        """What is no text. Before a tool call comes all that was said before it."""
        if isinstance(event, Sources):
            self._citations.learn(event.found)
        elif isinstance(event, ToolCall):
            held = self._held_back(Text, self._said)
            return held if self._gate is not None and not self._gate.pays(event) else (*held, event)
        return (event,)

    def _finish(self, finish: Finish) -> Sequence[Event]:
        """The end that the upstream makes."""
        shown: list[Event] = []
        for kind, marks in ((Thinking, self._thought), (Text, self._said)):
            shown += self._held_back(kind, marks)
        if self._gate is not None and self._gate.reason is not None:  # in what was held back until now
            return [*shown, *self._cut(replace(finish, reason=self._gate.reason, stop=self._gate.stop))]
        if finish.reason != "content_filter":
            shown += self._sources(lines=finish.reason == "stop")
        return [*shown, finish]

    def _held_back(self, kind: Piece, marks: Marks) -> Sequence[Event]:
        """What may still have become something else, and has not."""
        rest = marks.close()
        return _piece(kind, rest if self._gate is None else self._gate.close(kind, rest))

    def _cut(self, finish: Finish) -> Sequence[Event]:
        """The end that a limit makes."""
        shown = 0 if self._gate is None else self._gate.shown
        return [*self._citations.notes(shown), finish]

    def _sources(self, *, lines: bool) -> Sequence[Event]:
        at = self._said.at
        told: list[Event] = []
        text = self._citations.lines() if lines and _for_readers(self._chat) else ""
        if text and (self._gate is None or self._gate.allows(text)):
            told.append(Text(text))
            self._citations.note_lines(at)
            at += len(text)
        self._citations.note_rest(at)
        return [*told, *self._citations.notes(at)]


def _one_after_the_other(steps: Sequence[Shape], batch: Sequence[Event]) -> Sequence[Event]:
    for step in steps:
        batch = step(batch)
    return batch


def _as_it_is(batch: Sequence[Event]) -> Sequence[Event]:
    return batch


def _piece(kind: Piece, text: str) -> Sequence[Event]:
    return (kind(text),) if text else ()


def _for_readers(chat: Chat) -> bool:
    """Whether the answer is read by people: lines behind JSON would break it."""
    return Feature.SILENT not in chat.features and chat.form is None


def _not_at_all(_keys: Sequence[str], _at: int) -> str:
    return ""
