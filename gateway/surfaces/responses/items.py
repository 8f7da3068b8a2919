"""What an answer is made of in Responses: items, each of which is told as a series of events.

An event is its type and the JSON of its other fields, without braces; whoever sends it numbers it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import orjson

from gateway.surfaces.wire import literal
from kimi.events import Annotation

Told = tuple[bytes, bytes]

ADDED: Final = b"response.output_item.added"
DONE: Final = b"response.output_item.done"
TEXT_DELTA: Final = b"response.output_text.delta"
SUMMARY_DELTA: Final = b"response.reasoning_summary_text.delta"


class Words:
    """A text that comes in pieces, kept as the JSON that is made of it anyway."""

    __slots__ = ("_json",)

    def __init__(self) -> None:
        self._json = bytearray()

    def add(self, piece: bytes) -> None:
        """Takes a JSON string."""
        self._json += piece[1:-1]

    @property
    def literal(self) -> bytes:
        """All of it as one JSON string."""
        return b'"' + self._json + b'"'


class Item(Protocol):
    """A part of an answer. `index` is its place among them; `status` is `completed` or `incomplete`."""

    index: int

    def opened(self) -> Iterator[Told]:
        """How it is told that there is one."""

    def closed(self, status: bytes) -> Iterator[Told]:
        """How it is told that there is no more of it."""

    def json(self) -> bytes:
        """All of it, once it is closed."""


class Wordy(Item, Protocol):
    """An item of text. A piece of it is the event `delta`, whose fields end in the piece; `words` have all of them."""

    delta: bytes
    lead: bytes
    words: Words


class Said:
    """A message: what of the answer is text."""

    delta = TEXT_DELTA

    def __init__(self, stem: bytes, index: int, start: int) -> None:
        self.index = index
        self.start = start  # so many characters of the answer stand before it
        self.words = Words()
        self._id = b"msg_%b_%d" % (stem, index)
        self._place = b'"item_id":"%b","output_index":%d,"content_index":0' % (self._id, index)
        self.lead = self._place + b',"logprobs":[],"delta":'
        self._notes: list[bytes] = []
        self._status = b"in_progress"

    def opened(self) -> Iterator[Told]:
        yield ADDED, b'"output_index":%d,"item":%b' % (self.index, self._item(b""))
        yield b"response.content_part.added", b'%b,"part":%b' % (self._place, self._part(b'""'))

    def note(self, note: Annotation) -> Told:
        """Takes a page of which the text speaks; places are counted from the beginning of the answer."""
        places = {"start_index": max(note.start - self.start, 0), "end_index": max(note.end - self.start, 0)}
        words = {"url": orjson.Fragment(literal(note.url)), "title": orjson.Fragment(literal(note.title))}
        said = orjson.dumps({"type": "url_citation", **places, **words})
        self._notes.append(said)
        fields = b'%b,"annotation_index":%d,"annotation":%b' % (self._place, len(self._notes) - 1, said)
        return b"response.output_text.annotation.added", fields

    def closed(self, status: bytes) -> Iterator[Told]:
        self._status = status
        text = self.words.literal
        yield b"response.output_text.done", b'%b,"logprobs":[],"text":%b' % (self._place, text)
        yield b"response.content_part.done", b'%b,"part":%b' % (self._place, self._part(text))
        yield DONE, b'"output_index":%d,"item":%b' % (self.index, self.json())

    def json(self) -> bytes:
        return self._item(self._part(self.words.literal))

    def _item(self, content: bytes) -> bytes:
        return b'{"id":"%b","type":"message","status":"%b","role":"assistant","content":[%b]}' % (
            self._id,
            self._status,
            content,
        )

    def _part(self, text: bytes) -> bytes:
        return b'{"type":"output_text","annotations":[%b],"logprobs":[],"text":%b}' % (b",".join(self._notes), text)


class Thought:
    """Reasoning, all of which is told as its summary: that is what clients show and send back.

    The AI SDK sends it back only where something is said to be encrypted in it.
    """

    delta = SUMMARY_DELTA

    def __init__(self, stem: bytes, index: int) -> None:
        self.index = index
        self.words = Words()
        self._id = b"rs_%b_%d" % (stem, index)
        self._place = b'"item_id":"%b","output_index":%d,"summary_index":0' % (self._id, index)
        self.lead = self._place + b',"delta":'

    def opened(self) -> Iterator[Told]:
        yield ADDED, b'"output_index":%d,"item":%b' % (self.index, self._item(b""))
        yield b"response.reasoning_summary_part.added", b'%b,"part":%b' % (self._place, _summary(b'""'))

    def closed(self, _status: bytes) -> Iterator[Told]:
        text = self.words.literal
        yield b"response.reasoning_summary_text.done", b'%b,"text":%b' % (self._place, text)
        yield b"response.reasoning_summary_part.done", b'%b,"part":%b' % (self._place, _summary(text))
        yield DONE, b'"output_index":%d,"item":%b' % (self.index, self.json())

    def json(self) -> bytes:
        return self._item(_summary(self.words.literal))

    def _item(self, summary: bytes) -> bytes:
        return b'{"id":"%b","type":"reasoning","summary":[%b],"encrypted_content":""}' % (self._id, summary)


def _summary(text: bytes) -> bytes:
    return b'{"type":"summary_text","text":%b}' % text
