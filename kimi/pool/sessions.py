"""Who is signed in to the admin page, and who tried wrong keys: what all workers and replicas have to know of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from kimi.pool.store import Store, to_ms

SESSION_SECONDS: Final = 12 * 3600.0
FREE: Final = 5
"""With the wrong key of this number the pauses begin."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
REMEMBERED_SECONDS: Final = 3600.0
"""How long after the last wrong key an address has a clean sheet again."""


class Sessions:
    """Those who are signed in. Redis knows digests of their tokens only. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store, seconds: float = SESSION_SECONDS) -> None:
        self._store = store
        self._seconds = seconds

    def open(self, token: str, proof: str) -> float:
        """Signs the holder of `token` in, who shows `proof` of the key that he gave. Until when, in Unix seconds."""
        with self._store.guarded() as redis:
            redis.set(self._key(token), proof, px=to_ms(self._seconds))
        return self._store.now() + self._seconds

    def find(self, token: str) -> tuple[str, float] | None:
        """The proof of `token` and until when it is signed in; None when it is not."""
        with self._store.guarded() as redis:
            pipe = redis.pipeline(transaction=False)
            pipe.get(self._key(token))
            pipe.pttl(self._key(token))
            proof, left = pipe.execute()
        return None if proof is None else (proof, self._store.now() + left / 1000)

    def close(self, token: str) -> None:
        """Signs out."""
        with self._store.guarded() as redis:
            redis.delete(self._key(token))

    def _key(self, token: str) -> str:
        return self._store.key("admin", "session", hashlib.sha256(token.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Pause:
    """For so many `seconds` no key from an address counts; `begins` is true for the wrong key that is the reason."""

    seconds: float = 0.0
    begins: bool = False


class Attempts:
    """Counts wrong keys by address, over all workers and replicas."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def attempt(self, address: str, *, right: bool) -> Pause:
        """Notes that a key was tried, which counts only where the answer is no pause. Raises `StoreUnavailable`."""
        left, begins = self._store.run(
            "admin_attempt",
            address,
            int(right),
            FREE,
            to_ms(FIRST_PAUSE),
            to_ms(LONGEST_PAUSE),
            to_ms(REMEMBERED_SECONDS),
        )
        return Pause(int(left) / 1000, bool(begins))
