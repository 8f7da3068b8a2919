"""How the command line writes figures."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from kimi.operating.spans import span

__all__ = ["span", "table"]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what stands in them."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(_padded, line, widths)) for line in rows)
    return "\n".join(line.rstrip() for line in lines)


def width_of(text: str) -> int:
    """The columns of a terminal that `text` takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text if not _takes_none(each))


def _takes_none(character: str) -> bool:
    """Whether it stands on the one before it, or is not seen at all."""
    return unicodedata.category(character) in {"Mn", "Me", "Cf"}


def _padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))
