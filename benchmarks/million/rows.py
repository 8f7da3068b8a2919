"""The rows of a soak, what is to be said of them, and the page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.million.growth import SHARE, Growth
from benchmarks.performance.tables import markdown

LEAST = {"MB": 2.0, "fds": 16.0, "keys": 100.0}
"""How much more is growth, by the unit that stands at the end of a column's name."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was there after a slice. A name is a column's title; the figures behind `rate` must not grow."""

    requests: int
    failed: int
    rate: float
    worker_rss_MB: float  # noqa: N815 - the unit is part of the title
    worker_pss_MB: float  # noqa: N815
    refresher_rss_MB: float  # noqa: N815
    refresher_pss_MB: float  # noqa: N815
    redis_MB: float  # noqa: N815
    worker_fds: int
    refresher_fds: int
    redis_lasting_keys: int
    """Those that do not expire."""


COLUMNS = tuple(field.name for field in fields(Row))
WATCHED = COLUMNS[3:]
HEAD = [name.replace("_", " ") for name in COLUMNS]
_PAGE = Path(__file__).with_name("page.md")


def cells(row: Row) -> list[str]:
    """As a table shows it."""
    return [_shown(getattr(row, name)) for name in COLUMNS]


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def judge(rows: Sequence[Row]) -> list[str]:
    """What is wrong, a line each."""
    found = [f"{rows[-1].failed} requests failed"] if rows[-1].failed else []
    for name in WATCHED:
        growth = Growth.of([getattr(row, name) for row in rows])
        title, _, unit = name.rpartition("_")
        if growth.is_more_than(LEAST[unit]):
            found.append(f"{title.replace('_', ' ')} has grown from {growth.before:,.1f} to {growth.after:,.1f} {unit}")
    return found


def said(found: Sequence[str]) -> str:
    """The judgement in a few words."""
    return "; ".join(found) or "no request failed, nothing has grown"


def render(rows: Sequence[Row], found: Sequence[str], described: str) -> str:
    """The page."""
    table = markdown([HEAD, *map(cells, rows)])
    return _PAGE.read_text("utf-8").format(share=SHARE, least=LEAST, table=table, result=said(found), machine=described)
