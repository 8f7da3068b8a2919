"""Who tried wrong keys: what all workers and replicas have to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from kimi.pool.store import Store, to_ms

MOST: Final = 100_000
"""So many buckets are made in the time that wrong keys are remembered, at about 160 bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How wrong keys are borne with; times are in seconds.

    So many are `free`; each further one begins the next of the `pauses`, behind which the last of them goes on.
    Those that are free have to come within `remembered`; that long after the last pause began all is forgotten.
    """

    whose: str
    free: int
    pauses: tuple[float, ...]
    remembered: float

    def pause_after(self, wrong: int) -> float:
        """The pause that the wrong key of that number begins; 0 for none."""
        over = wrong - self.free
        return self.pauses[min(over, len(self.pauses)) - 1] if over > 0 else 0.0


OPERATORS: Final = Patience(whose="admin", free=4, pauses=(1, 2, 4, 8, 16, 32, 60), remembered=3600)
"""An admin key opens everything, and few people send one: right keys wait as well."""
CLIENTS: Final = Patience(whose="client", free=10, pauses=(0.5, 1, 2, 4, 8, 16, 32, 60), remembered=600)
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
            ours.free,
            orjson.dumps([to_ms(pause) for pause in ours.pauses]).decode(),
            to_ms(ours.remembered),
            self._most,
            *buckets,
        )
        return [Pause(int(left) / 1000, bool(begins)) for left, begins in answer]
