"""Which accounts a worker copies of a pool that is too large to be copied whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol
from zlib import crc32

from kimi.pool.extent import Extent
from kimi.pool.private_names import is_private

ENOUGH: Final = 1_000
"""Accounts that a sample holds at the most, as a rule."""
LEAST: Final = 250
"""So many usable ones it holds, as a rule, or all of them."""
FEW: Final = 8
"""A sample holds so many accounts of a route, as a rule, or all of them."""
_MOST_RARE: Final = 1_000
_SPARE: Final = 0.8  # so small is a pool before a sample is doubled again, or it would be at every other look


class Pool(Protocol):
    """See `kimi.pool.extent.Extents`. Every method may raise `StoreUnavailable`."""

    def measure(self) -> Extent: ...

    def rare(self, most: int) -> frozenset[str]: ...

    def draw(self, most: int) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One in `2 ** level` of the operator's accounts, by name.

    Which ones that is goes by a hash, so that workers have different samples, and all together have every account.
    It has some `beside` these, and those that clients have brought along, of which there are never many.
    """

    level: int = 0
    worker: str = ""
    beside: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether it is the pool itself."""
        return self.level == 0

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        is_its = not crc32(name.encode(), crc32(self.worker.encode())) & ((1 << self.level) - 1)
        return is_its or name in self.beside or is_private(name)


WHOLE: Final = Sample()


class Samples:
    """Cuts samples for `worker`."""

    def __init__(self, pool: Pool, worker: str) -> None:
        self._pool = pool
        self._worker = worker

    def cut(self, most: int, before: Sample = WHOLE) -> Sample:
        """What the worker copies of the pool as it is now: all up to `most` of the operator's accounts, or a sample.

        As large as it was `before` where that still fits. Beside it everyone has accounts that are nearly alone with
        what they serve, and where few can serve at all some of those. Raises `StoreUnavailable`.
        """
        extent = self._pool.measure()
        level = _level(extent.operators, most, before.level)
        if not level:
            return WHOLE
        beside = self._pool.rare(min(_MOST_RARE, FEW << level))
        lacking = LEAST - (extent.usable >> level)
        return Sample(level, self._worker, beside | self._pool.draw(lacking) if lacking > 0 else beside)


def _level(size: int, most: int, before: int) -> int:
    """How often `size` is halved where that was done so often before."""
    if size <= most * (_SPARE if before else 1):
        return 0
    level = max(before, 1)
    while size > ENOUGH * 2**level:
        level += 1
    while level > 1 and size <= ENOUGH * 2 ** (level - 1) * _SPARE:
        level -= 1
    return level
