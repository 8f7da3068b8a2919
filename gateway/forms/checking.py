"""What becomes of an answer that has to be JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from itertools import islice
from typing import Final

from gateway.forms import finding
from gateway.forms.telling import correction
from gateway.schemas import known
from kimi.chat import Form
from kimi.errors import FormUnfit
from kimi.events import Again, Annotation, Event, Finish, Text, ToolCall

MOST_TRIED: Final = 8
"""So many pieces of JSON in one text are tried."""
LONGEST: Final = 1_048_576
"""Characters of an answer; to look for JSON in more of it would keep all others waiting for long."""
_ANY_OBJECT: Final = {"type": "object"}


class Checked:
    """Holds the text of an answer until it is whole, and shows nothing of it but JSON that fits.

    Otherwise the model is to be asked once more. What the client itself has cut short, what the upstream has cut or
    withdrawn, and what stands beside tool calls is nobody's JSON, and passes as it is.
    """

    __slots__ = ("_checker", "_has_calls", "_notes", "_text")

    def __init__(self, form: Form) -> None:
        """Without a schema any object will do."""
        self._checker = known(_ANY_OBJECT if form.schema is None else form.schema)
        self._text = StringIO()  # a list of short pieces takes ten times as much
        self._notes: list[Annotation] = []
        self._has_calls = False

    def feed(self, batch: Sequence[Event]) -> Sequence[Event]:
        """What of `batch` can be shown; the batch with `Finish` is the last. Raises `FormUnfit` for too long a text."""
        shown: list[Event] = []
        for event in batch:
            if type(event) is Text:
                self._text.write(event.text)
                if self._text.tell() > LONGEST:
                    raise FormUnfit(f"$: is longer than {LONGEST} characters")
            elif isinstance(event, Annotation):
                self._notes.append(event)
            elif isinstance(event, Finish):
                shown += self._finish(event)
            else:
                self._has_calls = self._has_calls or isinstance(event, ToolCall)
                shown.append(event)
        return shown

    def _finish(self, finish: Finish) -> Sequence[Event]:
        text = self._text.getvalue()
        if self._has_calls or finish.reason in {"tool_calls", "content_filter"}:
            return [*_piece(text), *self._notes, finish]
        fitting, wrong = self._fitting(text)
        if fitting is not None:
            return self._shown(fitting.text, finish)
        if finish.cut or finish.reason == "length":
            return self._shown(finding.beginning(text), finish)
        return [Again(correction(wrong), FormUnfit("; ".join(wrong)))]

    def _fitting(self, text: str) -> tuple[finding.Found | None, Sequence[str]]:
        """The JSON in `text` that fits, or what is wrong with that which is most likely meant."""
        first: finding.Found | None = None
        try:
            for each in islice(finding.candidates(text), MOST_TRIED):
                if self._checker.fits(each.value):
                    return each, ()
                first = first or each
        except ValueError as error:
            return None, (f"$: {error}",)
        return None, self._checker.complaints(first.value) if first else (f"$: {finding.fault(text)}",)

    def _shown(self, text: str, finish: Finish) -> Sequence[Event]:
        """The JSON. Pages belong to all of it: it holds no links."""
        notes = [replace(note, start=len(text), end=len(text)) for note in self._notes]
        return [*_piece(text), *notes, finish]


def _piece(text: str) -> Sequence[Event]:
    return (Text(text),) if text else ()
