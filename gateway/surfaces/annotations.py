"""What an answer draws on, as OpenAI writes it: `url_citation`s."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from gateway.surfaces.wire import literal
from kimi.events import Annotation

_LINE: Final = 48 * 1024  # bytes; with all that stands around them a line stays below 64 KiB


def citation(note: Annotation) -> dict[str, Any]:
    """One of the entries of `annotations`."""
    places = {"start_index": note.start, "end_index": note.end}
    words = {"url": orjson.Fragment(literal(note.url)), "title": orjson.Fragment(literal(note.title))}
    return {"type": "url_citation", "url_citation": places | words}


def lists(notes: Sequence[Annotation]) -> list[bytes]:
    """All entries as JSON lists that each fit a delta.

    Clients put lists of several deltas together by the `index` of the entries, and need none where there is one list.
    """
    entries = [orjson.dumps(citation(note)) for note in notes]
    if sum(map(len, entries)) > _LINE:
        entries = [orjson.dumps({"index": index} | citation(note)) for index, note in enumerate(notes)]
    return [b"[%b]" % b",".join(part) for part in _parts(entries)]


def _parts(entries: Sequence[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for entry in entries:
        if part and size + len(entry) > _LINE:
            yield part
            part, size = [], 0
        part.append(entry)
        size += len(entry)
    if part:
        yield part
