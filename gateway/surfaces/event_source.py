"""Bare text for an EventSource: each delta is an event, a failure is the event `error`, the end the event `done`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final

import orjson
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from gateway.errors import BadRequest
from gateway.problem import Problem
from gateway.surfaces.chat_request import ChatRequest, parse
from gateway.surfaces.json_body import json_object
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import COMMENT
from kimi.events import Event, Finish, Text, Usage

DEFAULT_MODEL: Final = "kimi"
FORM_BYTES: Final = 524_288
"""What a form may have: each escape and each line of it takes a hundred times its size, and time, to be read."""
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_DONE: Final = b"event: done\ndata: [DONE]\n\n"
_MOST_FIELDS: Final = 100
_URLENCODED: Final = "application/x-www-form-urlencoded"
_FORMS: Final = frozenset({_URLENCODED, "multipart/form-data"})


def question(raw: bytes, content_type: str, query: Mapping[str, str]) -> ChatRequest:
    """The request behind `message` and, if it is there, `model`: in the query, in a form, or in a JSON object.

    What stands in the query goes before. Raises `BadRequest`.
    """
    given = {**_fields(raw, content_type), **query}
    message, model = given.get("message"), given.get("model") or DEFAULT_MODEL
    if not isinstance(message, str) or not message.strip():
        raise BadRequest("`message` has to hold a text: in the query, in a form or in a JSON object.", param="message")
    body = {"model": model, "messages": [{"role": "user", "content": message}], "stream": True}
    return parse(orjson.dumps(body))


def most_bytes(content_type: str, most: int) -> int:
    """What a body of that type may have where others may have `most`."""
    return min(most, FORM_BYTES) if parse_options_header(content_type)[0] in _FORMS else most


class TextStream:
    """Events as bare text. An event ends with an empty line, so that text of several lines takes several of `data:`."""

    holds_status = False  # an EventSource shows its page nothing of an answer that is not a 200

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._held = ""  # half of a line end, perhaps

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._tally.usage

    def render(self, events: Sequence[Event]) -> bytes:
        """The text of `events` in one event; thinking is not shown. `Finish` ends the stream."""
        self._tally.add(events)
        text = self._held + "".join(event.text for event in events if isinstance(event, Text))
        over = any(isinstance(event, Finish) for event in events)
        self._held = "\r" if text.endswith("\r") and not over else ""
        text = text.removesuffix("\r") if self._held else text
        return (_event(text) if text else b"") + (_DONE if over else b"")

    def heartbeat(self) -> bytes:
        """A comment."""
        return COMMENT

    def fail(self, problem: Problem) -> bytes:
        """The event that ends a stream in which something went wrong."""
        return b"event: error\ndata: %b\n\n" % orjson.dumps(problem.body)


def _event(text: str) -> bytes:
    lines = _LINE_END.split(text)  # every one of them ends a line of the stream, and is a newline to its reader
    return b"".join(b"data: %b\n" % line.encode(errors="replace") for line in lines) + b"\n"


def _fields(raw: bytes, content_type: str) -> Mapping[str, object]:
    mimetype, options = parse_options_header(content_type)
    if mimetype not in _FORMS:
        return json_object(raw) if raw.strip() else {}
    if raw.count(b"&") > _MOST_FIELDS and mimetype == _URLENCODED:
        raise BadRequest(f"The form has more than {_MOST_FIELDS} fields.", code="invalid_form")
    try:
        parser = FormDataParser(silent=False, max_form_parts=_MOST_FIELDS)
        _, form, files = parser.parse(BytesIO(raw), mimetype, len(raw), options)
    except (ValueError, RequestEntityTooLarge):
        raise BadRequest("The form cannot be read.", code="invalid_form") from None
    for each in files.values():  # nobody asked for any
        each.close()
    return form.to_dict()
