"""Who is signed in to the admin page: what all workers and replicas have to know of it."""

from __future__ import annotations

import hashlib
from typing import Final

from kimi.pool.store import Store, to_ms

SESSION_SECONDS: Final = 12 * 3600.0


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
