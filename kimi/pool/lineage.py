"""Whether changes that are told by their numbers go on where they ended."""

from __future__ import annotations

from typing import Final

LOST: Final = -1
"""In place of the number of the last change: Redis may have lost some that were told before."""


class Lineage:
    """Remembers for one who follows changes which line of writes they belong to.

    A server that takes over without the last writes of the one before gives their numbers to others, and so does one
    that was emptied. Numbers alone show that only until they have caught up.
    """

    def __init__(self) -> None:
        self._known: str | None = None

    def latest(self, number: int, latest: int, lineage: str) -> int:
        """What who knows the changes up to `number` is told: `latest`, or `LOST` where the lineage is another one."""
        is_another = number > 0 and self._known not in (None, lineage)
        self._known = lineage
        return LOST if is_another else latest
