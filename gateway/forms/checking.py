"""What becomes of an answer that has to be JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import StringIO

from gateway.forms import finding
from gateway.forms.telling import correction
from gateway.schemas import checker
from kimi.chat import Form
from kimi.errors import FormUnfit
from kimi.events import Again, Annotation, Event, Finish, Text, ToolCall

Complain = Callable[[object], Sequence[str]]
"""What is wrong with a value, in short sentences; nothing where it fits."""


def complain(form: Form) -> Complain:
    """What `form` has against a value. Without a schema any object will do. Raises `BadRequest` where it is broken."""
    return _no_object if form.schema is None else checker(form.schema, "response_format").complaints


class Checked:
    """Holds the text of an answer until it is whole, and shows nothing of it but JSON that fits.

    Otherwise the model is to be asked once more. What the client itself has cut short, what the upstream has cut or
    withdrawn, and what stands beside tool calls is nobody's JSON, and passes as it is.
    """

    __slots__ = ("_complain", "_has_calls", "_notes", "_text")

    def __init__(self, complain: Complain) -> None:
        self._complain = complain
        self._text = StringIO()  # a list of short pieces takes ten times as much
        self._notes: list[Annotation] = []
        self._has_calls = False

    def feed(self, batch: Sequence[Event]) -> Sequence[Event]:
        """What of `batch` can be shown; the batch with `Finish` is the last."""
        shown: list[Event] = []
        for event in batch:
            if type(event) is Text:
                self._text.write(event.text)
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
        wrong: Sequence[str] = ()
        for found in finding.candidates(text):
            complaints = self._complain(found.value)
            if not complaints:
                return self._shown(found.text, finish)
            wrong = wrong or complaints
        if finish.cut or finish.reason == "length":
            return self._shown(finding.beginning(text), finish)
        wrong = wrong or (f"$: {finding.fault(text)}",)
        return [Again(correction(wrong), FormUnfit("; ".join(wrong)))]

    def _shown(self, text: str, finish: Finish) -> Sequence[Event]:
        """The JSON. Pages belong to all of it: it holds no links."""
        notes = [replace(note, start=len(text), end=len(text)) for note in self._notes]
        return [*_piece(text), *notes, finish]


def _piece(text: str) -> Sequence[Event]:
    return (Text(text),) if text else ()


def _no_object(value: object) -> Sequence[str]:
    return () if isinstance(value, dict) else ('$: this is not of type "object"',)
