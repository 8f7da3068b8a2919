"""Who tried wrong keys: what all workers and replicas have to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kimi.pool.store import Store, to_ms

MOST: Final = 100_000
"""So many buckets are made in the time that wrong keys are remembered, at about 160 bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How wrong keys are borne with; times are in seconds.

    So many are `free`; each further one begins a pause: the `first` of them, and each twice the last, up to `longest`.
    Those that are free have to come within `remembered`; that long after the last pause began all is forgotten.
    """

    whose: str
    free: int
    first: float
    longest: float
    remembered: float

    def pause_after(self, wrong: int) -> float:
        """The pause that the wrong key of that number begins; 0 for none."""
        over = wrong - self.free - 1
        return min(self.first * 2 ** min(over, 32), self.longest) if over >= 0 else 0.0


OPERATORS: Final = Patience(whose="admin", free=4, first=1.0, longest=60.0, remembered=3600.0)
"""An admin key opens everything, and few people send one: right keys wait as well."""
CLIENTS: Final = Patience(whose="client", free=10, first=0.5, longest=60.0, remembered=600.0)
"""Many clients may share an address, and some will have an old key. Right keys never wait."""


@dataclass(frozen=True, slots=True)
class Pause:
    """For so many `seconds` no wrong key counts in a bucket; `begins` is true for the wrong key that is the reason."""

    seconds: float = 0.0
    begins: bool = False


class Attempts:
    """Counts wrong keys, over all workers and replicas."""

    def __init__(self, store: Store, patience: Patience, *, most: int = MOST) -> None:
        self._store = store
        self._patience = patience
        self._most = most

    def attempt(self, buckets: Sequence[str], *, counts: bool) -> list[Pause]:
        """Somebody tries a key in these `buckets`. Returns the pause in each of them.

        It `counts` where the key is known to be wrong; otherwise this only asks. It does so only where none of them has
        a pause already, and in a new bucket only while no more than so many were made in the time that wrong keys are
        remembered. Raises `StoreUnavailable`.
        """
        ours = self._patience
        answer = self._store.run(
            "attempt",
            ours.whose,
            int(counts),
            ours.free + 1,
            to_ms(ours.first),
            to_ms(ours.longest),
            to_ms(ours.remembered),
            self._most,
            *buckets,
        )
        return [Pause(int(left) / 1000, bool(begins)) for left, begins in answer]
