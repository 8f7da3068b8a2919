"""Whether something has grown while it was watched. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHARE: Final = 0.02
"""Growth by less than this share is none."""
FEWEST: Final = 6
"""So many values can be judged."""


@dataclass(frozen=True, slots=True)
class Growth:
    """From the median of the second third to that of the last; the first third is for what fills up once."""

    before: float
    after: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Growth:
        """Raises `ValueError` for fewer than `FEWEST` values."""
        if len(values) < FEWEST:
            raise ValueError(f"growth is seen in {FEWEST} values or more")
        third = len(values) // 3
        return cls(statistics.median(values[-2 * third : -third]), statistics.median(values[-third:]))

    def is_more_than(self, least: float) -> bool:
        """Whether it is more than `least`, and more than `SHARE` of what there was."""
        return self.after - self.before > max(least, self.before * SHARE)
