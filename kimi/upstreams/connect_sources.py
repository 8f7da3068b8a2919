"""Where the Connect dialect says which pages an answer draws on, and how its text speaks of them.

A mark `web_search:1#0` in the text means the page whose `refIndex` is that. Where a page has none, it is taken to be
the call's id (`toolCallId`), and behind `#` the page's place among all contents of that call, from 0 on; that is what
the indices of recorded answers come to. Answers of older models carry `[^2^]`, which means the `id` of an entry of
`refs.searchChunks`, and never a place in `search.webPages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kimi.events import Source
from kimi.upstreams.sources import listed, source

_LONGEST_NAME = 64  # of a call, and of the block in which it stands
_MOST_BLOCKS = 1_000
_CHUNKS = ("searchChunks", "usedSearchChunks")


class Calls:
    """The tools' calls of one answer: a call is named when it begins, its pages come later and piece by piece.

    Those beyond a thousand are passed over.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # by block
        self._places: dict[str, int] = {}

    def of_block(self, block: Mapping[str, Any], operation: object) -> tuple[Source, ...]:
        """The pages that a block tells of."""
        tool, search = block.get("tool"), block.get("search")
        if isinstance(tool, Mapping):
            return self._of_tool(_name(block.get("id")), tool, operation)
        pages = _objects(search.get("webPages")) if isinstance(search, Mapping) else []
        return listed(source(None, page.get("url"), page.get("title")) for page in pages)

    def _of_tool(self, block_id: str, tool: Mapping[str, Any], operation: object) -> tuple[Source, ...]:
        if block_id not in self._names and len(self._names) >= _MOST_BLOCKS:  # no answer asks that often
            return ()
        called = _name(tool.get("toolCallId")) or self._names.get(block_id)
        name = called or f"{_name(tool.get('name'))}:{len(self._names) + 1}"
        self._names[block_id] = name
        contents = tool.get("contents")
        if not isinstance(contents, list):
            return ()
        first = self._places.get(block_id, 0) if operation == "append" else 0
        self._places[block_id] = first + len(contents)
        return listed(_result(content, f"{name}#{place}") for place, content in enumerate(contents, first))


def of_message(message: Mapping[str, Any]) -> tuple[Source, ...]:
    """The pages that a message refers to."""
    refs = message.get("refs")
    if not isinstance(refs, Mapping):
        return ()
    chunks = [chunk for name in _CHUNKS for chunk in _objects(refs.get(name))]
    return listed(_page(chunk, chunk.get("id")) for chunk in chunks)


def _result(content: object, key: str) -> Source | None:
    result = content.get("searchResult") if isinstance(content, Mapping) else None
    return _page(result, key) if isinstance(result, Mapping) else None


def _page(found: Mapping[str, Any], key: object) -> Source | None:
    base = found.get("base")
    if not isinstance(base, Mapping):
        return None
    return source(found.get("refIndex") or key, base.get("url"), base.get("title"))


def _name(value: object) -> str:
    return str(value)[:_LONGEST_NAME] if isinstance(value, str | int) else ""


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
