"""Wrong keys, counted in this worker while Redis cannot do it for all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kimi.pool.attempts import Patience, Pause

MOST: Final = 10_000
"""Buckets that are remembered."""


class Attempts(Protocol):
    """Counts wrong keys by bucket."""

    def attempt(self, buckets: Sequence[str], *, counts: bool) -> list[Pause]:
        """See `kimi.pool.attempts.Attempts.attempt`."""
        ...


@dataclass(frozen=True, slots=True)
class _Wrong:
    """So many wrong keys; nothing else counts before `until`, and all is forgotten at `forgotten`."""

    count: int
    until: float
    forgotten: float


class LocalAttempts:
    """Those at this worker alone, by the rule of `kimi.pool.attempts`. `monotonic` is in seconds."""

    def __init__(self, patience: Patience, monotonic: Callable[[], float]) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._wrong: OrderedDict[str, _Wrong] = OrderedDict()

    def attempt(self, buckets: Sequence[str], *, counts: bool) -> list[Pause]:
        """See `Attempts.attempt`."""
        pauses = self.pauses(buckets)
        if not counts or any(pause.seconds for pause in pauses):
            return pauses
        return [self._count(bucket) for bucket in buckets]

    def pauses(self, buckets: Sequence[str]) -> list[Pause]:
        """What is left of the pauses that are known here."""
        now = self._monotonic()
        found = [self._wrong.get(bucket) for bucket in buckets]
        return [Pause(max(wrong.until - now, 0.0)) if wrong else Pause() for wrong in found]

    def learn(self, buckets: Sequence[str], pauses: Sequence[Pause]) -> None:
        """Takes note of pauses that somebody else told of."""
        now = self._monotonic()
        for bucket, pause in zip(buckets, pauses, strict=True):
            if pause.seconds > 0:
                wrong = self._known(bucket, now)
                self._keep(bucket, _Wrong(wrong.count, now + pause.seconds, now + self._patience.remembered))

    def _count(self, bucket: str) -> Pause:
        now = self._monotonic()
        wrong = self._known(bucket, now)
        count = wrong.count + 1
        pause = self._patience.pause_after(count)
        # Where nothing begins, a new key does not make the others younger.
        forgotten = now + self._patience.remembered if count == 1 or pause > 0 else wrong.forgotten
        self._keep(bucket, _Wrong(count, now + pause, forgotten))
        return Pause(pause, begins=pause > 0)

    def _known(self, bucket: str, now: float) -> _Wrong:
        wrong = self._wrong.get(bucket)
        return wrong if wrong and wrong.forgotten > now else _Wrong(0, now, now)

    def _keep(self, bucket: str, wrong: _Wrong) -> None:
        self._wrong[bucket] = wrong
        self._wrong.move_to_end(bucket)
        if len(self._wrong) > MOST:
            self._wrong.popitem(last=False)
