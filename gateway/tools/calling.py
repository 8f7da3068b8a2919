"""What becomes of an answer in which tools may be called: events in, events out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from gateway.tools.arguments import Unfit, read
from gateway.tools.sieve import Sieve, Written
from gateway.tools.telling import correction
from kimi.chat import Tools
from kimi.errors import CallsUnfit
from kimi.events import Again, Event, Finish, Text, Thinking, ToolCall

MOST_CALLS: Final = 128
"""In one answer; what goes on after so many goes on for ever."""
MOST_COMPLAINTS: Final = 8
"""Calls of which the model is told what is wrong with them. Behind so many none is looked at."""
_LEAD: Final = 64  # blanks that are held back before the first word of an answer
_UNCALLED: Final = "It called no tool, and had to."


class Calling:
    """Watches one answer for calls. Their `trigger` is for what the model is told where it has to be asked once more.

    Blanks before the first word are held back: in front of a call they would be an answer of nothing.
    What is thought of a call is shown without its tags, and is none.
    """

    __slots__ = (
        "_blank",
        "_has_spoken",
        "_made",
        "_new_id",
        "_open",
        "_seen",
        "_sieve",
        "_thought",
        "_tools",
        "_trigger",
        "_wrong",
    )

    def __init__(self, tools: Tools, trigger: str, knows: Callable[[str], bool], new_id: Callable[[int], str]) -> None:
        self._tools = tools
        self._trigger = trigger
        self._new_id = new_id
        self._sieve = Sieve(knows)
        self._thought = Sieve(knows, only_hides=True)
        self._blank = ""
        self._has_spoken = False
        self._seen = 0  # calls, as the model counts them
        self._made = 0  # of them right
        self._open = False  # the last call has not ended
        self._wrong: list[str] = []

    def feed(self, batch: Sequence[Event]) -> Sequence[Event]:
        """What of `batch` can be shown; the batch with `Finish` is the last, given or made."""
        shown: list[Event] = []
        for event in batch:
            if type(event) is Thinking:
                shown += _thoughts(self._thought.feed(event.text))
                continue
            if type(event) is not Text and not isinstance(event, Finish):
                shown.append(event)
                continue
            if self._thought.is_waiting:
                shown += _thoughts(self._thought.close())
            if self._take(self._sieve.feed(event.text) if type(event) is Text else self._sieve.close(), shown):
                return [*shown, Finish("tool_calls", cut=True)]
            if isinstance(event, Finish):
                return [*shown, *self._finish(event)]
        return shown

    def _take(self, found: Sequence[str | Written], shown: list[Event]) -> bool:
        """Shows what was found; whether the answer ends before the rest of it."""
        for one in found:
            if isinstance(one, Written):
                if self._made and (not self._tools.is_parallel or self._made == MOST_CALLS):
                    return True
                shown += self._call(one)
            elif self._made:
                if one.strip():
                    return True
            elif not self._must_call and not self._wrong:
                shown += self._say(one)
        return False

    def _say(self, text: str) -> Sequence[Event]:
        if not self._has_spoken:
            text = self._blank + text
            if len(text) <= _LEAD and text.isspace():
                self._blank = text
                return ()
            self._blank, self._has_spoken = "", True
        return (Text(text),)

    def _call(self, written: Written) -> Sequence[Event]:
        self._open = not written.is_closed
        self._seen += 1
        if len(self._wrong) == MOST_COMPLAINTS:
            return ()
        try:
            asked = read(written, self._tools)
        except Unfit as unfit:
            self._wrong.append(str(unfit))
            return ()
        self._made += 1
        return (ToolCall(self._made - 1, self._new_id(self._seen), asked.name, asked.arguments),)

    def _finish(self, finish: Finish) -> Sequence[Event]:
        if self._made and finish.reason != "content_filter":
            # In the chat there is one call more than the client knows of: nobody can go on there.
            return (replace(finish, reason="tool_calls", cut=finish.cut or bool(self._wrong)),)
        is_cut = finish.reason == "length" and self._open
        if finish.reason == "content_filter" or is_cut or not (self._wrong or self._must_call):
            rest = (Text(self._blank),) if self._blank else ()
            return (*rest, finish)
        words = correction(self._wrong, self._tools, self._trigger)
        apart = (Text("\n\n"),) if self._has_spoken else ()
        return (*apart, Again(words, CallsUnfit("; ".join(self._wrong) or _UNCALLED)))

    @property
    def _must_call(self) -> bool:
        return self._tools.choice in ("required", "named")


def _thoughts(found: Sequence[str | Written]) -> Sequence[Event]:
    text = "".join(one for one in found if isinstance(one, str))
    return (Thinking(text),) if text else ()
