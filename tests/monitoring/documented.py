"""What docs/metrics.md says: its tables, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Metric:
    """A row of the first two tables."""

    name: str
    type: str
    labels: tuple[str, ...]


def rows(document: str, columns: int) -> list[list[str]]:
    """The cells of all tables with so many columns, without their heads."""
    lines = (DOCS / document).read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return [row for row in cells if len(row) == columns]


def metrics(document: str = "metrics.md") -> list[Metric]:
    """The documented metrics."""
    return [
        Metric(_CODE.findall(name)[0], type_, tuple(_CODE.findall(labels)))
        for name, type_, labels, *_ in rows(document, 5)
    ]


def values(document: str = "metrics.md") -> dict[tuple[str, str], frozenset[str]]:
    """The values that a label of a metric may have, where all of them are listed."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for label, of, listed in rows(document, 3):
        name, names = _CODE.findall(label)[0], _CODE.findall(of)
        known = frozenset(_CODE.findall(listed))
        if re.sub(r"`[^`]+`|[,\s]", "", listed):  # says in words what else there may be
            continue
        for metric in names or [each.name for each in metrics(document) if name in each.labels]:
            found[metric, name] = known
    return found
