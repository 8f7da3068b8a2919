"""Pages that a search has found, as any web dialect tells of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from kimi.events import Source
from kimi.unseen import JOINERS, UNSEEN

# Neither what cannot be seen, nor a name before the host, which passes for it.
_URL = re.compile(
    rf"https?://(?![^/?#]*@)[^\s<>\"\\{UNSEEN}{JOINERS}]{{1,4000}}",
    re.IGNORECASE,
)
_LONGEST_TITLE = 500
_LONGEST_KEY = 100
_MOST = 1_000  # pages that one message tells


def source(key: object, url: object, title: object) -> Source | None:
    """One page; `None` where there is no address that a reader could follow.

    A page without a key of its own is known by its address, which no mark in a text speaks of.
    """
    if not isinstance(url, str) or not _URL.fullmatch(url):
        return None
    is_key = isinstance(key, int) and not isinstance(key, bool)
    is_key = is_key or (isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY)
    said = " ".join(title[: 2 * _LONGEST_TITLE].split())[:_LONGEST_TITLE] if isinstance(title, str) else ""
    return Source(str(key) if is_key else url, url, said)


def listed(found: Iterable[Source | None]) -> tuple[Source, ...]:
    """Those that are pages, of the first of them."""
    return tuple(one for one in islice(found, _MOST) if one is not None)
