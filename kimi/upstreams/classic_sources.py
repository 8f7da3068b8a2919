"""Where the classic dialect says which pages an answer draws on, and how its text speaks of them.

A mark `[^3^]` in the text means the page whose `ref_id` is 3. Pages are told three times over: one by one while the
search runs (`search_plus`, where `successNum` counts them), as cards behind the text (`ref_docs`), and by a call of its
own (`rag-refs`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kimi.events import Source
from kimi.upstreams.sources import listed, source

REFS_PATH: Final = "/api/chat/segment/v3/rag-refs"

_MARK = re.compile(r"\[\^\d{1,4}\^\]")
_LONGEST_MARK = 8


class Marks:
    """Watches a text for marks, which may be cut anywhere."""

    def __init__(self) -> None:
        self.seen = False
        self._tail = ""

    def feed(self, text: str) -> None:
        """The next piece of the text."""
        if not self.seen:
            both = self._tail + text
            self.seen = _MARK.search(both) is not None
            self._tail = both[1 - _LONGEST_MARK :]


def of_search(message: object) -> tuple[Source, ...]:
    """What `search_plus` tells: one page, when it is the result of a search."""
    if not isinstance(message, Mapping) or message.get("type") != "get_res":
        return ()
    return listed((source(message.get("successNum"), message.get("url"), message.get("title")),))


def of_cards(cards: object) -> tuple[Source, ...]:
    """What `ref_docs` tells."""
    return listed(source(card.get("ref_id"), card.get("url"), card.get("title")) for card in _objects(cards))


def queries(chat_id: str, segment_ids: Iterable[str]) -> dict[str, Any]:
    """What to ask at `REFS_PATH` for the pages of answers in a chat."""
    return {"queries": [{"chat_id": chat_id, "sid": segment_id, "z_idx": 0} for segment_id in segment_ids]}


def of_refs(answer: object) -> tuple[Source, ...]:
    """What comes back from there."""
    items = answer.get("items") if isinstance(answer, Mapping) else None
    refs = [ref for item in _objects(items) for ref in _objects(item.get("refs"))]
    docs = [(ref.get("ref_id"), ref.get("ref_doc")) for ref in refs]
    return listed(source(key, doc.get("url"), doc.get("title")) for key, doc in docs if isinstance(doc, Mapping))


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
