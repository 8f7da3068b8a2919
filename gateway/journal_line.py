"""A request as one line for people: `200 POST /v1/chat/completions  kimi  alice  1.24 s  ok`, in columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from unicodedata import east_asian_width

_WIDTHS: Final = {"route": 26, "model": 18, "account": 14}
_NOTICEABLE: Final = 0.05
"""Seconds below which nobody wants to know how long a request waited."""
_NONE: Final = "-"


def line(fields: Mapping[str, Any]) -> str:
    """The line of those `fields`; a request that went wrong ends with its id, by which the other lines know it."""
    columns = [_column(fields.get(name), width) for name, width in _WIDTHS.items()]
    begun = fields.get("first_event_seconds")
    seconds = f"{fields['total_seconds']:8.2f} s" + ("" if begun is None else f", first {begun:.2f} s")
    told = "  ".join(_told(fields))
    return f"{fields['status']} {fields['method']:<4} {'  '.join(columns)} {seconds:<26}  {told}"


def _told(fields: Mapping[str, Any]) -> Iterator[str]:
    """How it ended, and what is worth a look."""
    yield _plain(fields["outcome"])
    if fields.get("queue_seconds", 0.0) >= _NOTICEABLE:
        yield f"queued {fields['queue_seconds']:.2f} s"
    if fields.get("failovers"):
        yield f"after {', '.join(fields['failovers'])}"
    if "client" in fields:
        yield f"client {_plain(fields['client'])}"
    if fields["outcome"] != "ok":
        yield fields["request_id"]


def _column(value: object, width: int) -> str:
    """`value` in so many columns of a terminal at the least."""
    text = _plain(_NONE if value is None else value)
    taken = sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
    return text + " " * (width - taken)


def _plain(value: object) -> str:
    """What a client made up can move no cursor."""
    return "".join(character if character.isprintable() else "?" for character in str(value))
