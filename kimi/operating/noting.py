"""How what was done to several accounts is one entry of the audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from kimi.operating.intake import Outcome, Taken

_NAMES: Final = 4_000


def listed(names: Sequence[str], most: int = _NAMES) -> str:
    """As many of `names` as fit in about `most` characters, and how many more there are."""
    shown: list[str] = []
    left = most
    for name in names:
        left -= len(name) + 2
        if left < 0 and shown:
            break
        shown.append(name)
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" … and {more} more" if more else "")


def added(taken: Iterable[Taken]) -> tuple[str, str] | None:
    """Subject and detail of an entry in the audit log; None where nothing was added."""
    taken = list(taken)
    new = [each for each in taken if each.outcome is Outcome.ADDED]
    if not new:
        return None
    counts = Counter(each.outcome for each in taken)
    detail = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    return listed([each.name for each in new]), new[0].message if len(taken) == 1 else detail
