"""How the command line writes figures."""

from __future__ import annotations

from collections.abc import Sequence

from kimi.operating.spans import span

__all__ = ["span", "table"]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what stands in them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in rows)
    return "\n".join(line.rstrip() for line in lines)
