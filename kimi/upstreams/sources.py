"""Pages that a search has found, as any web dialect tells of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kimi.events import Source

_URL = re.compile(r"https?://[^\s<>\"\x00-\x1f\x7f]{1,4000}", re.IGNORECASE)
_LONGEST_TITLE = 500


def source(key: object, url: object, title: object) -> Source | None:
    """One page; `None` where there is no address that a reader could follow.

    A page without a key of its own is known by its address, which no mark in a text speaks of.
    """
    if not isinstance(url, str) or not _URL.fullmatch(url):
        return None
    is_key = isinstance(key, str | int) and not isinstance(key, bool) and key != ""
    said = " ".join(title.split())[:_LONGEST_TITLE] if isinstance(title, str) else ""
    return Source(str(key) if is_key else url, url, said)


def listed(found: Iterable[Source | None]) -> tuple[Source, ...]:
    """Those that are pages."""
    return tuple(one for one in found if one is not None)
