"""How lengths of time are written for people."""

from __future__ import annotations


def span(seconds: float) -> str:
    """A length of time as people write it."""
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
