"""Names in a sentence that has to stay readable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NAMES_SHOWN: Final = 20
"""In one line, of a log for example."""


def first_of(names: Sequence[str], most: int = NAMES_SHOWN) -> str:
    """So many of them at the most, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
