"""A word in Redis that shows whether a process has the keys with which the secrets there are sealed."""

from __future__ import annotations

from typing import Final

from kimi.pool.store import Store

KEY: Final = "vault"
CANARY: Final = "canary"
_WORD: Final = "these are the keys"


class Canary:
    """Sealed once, when the first process comes with keys, and anew when all secrets have been."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self) -> None:
        """Returns when this process has the right keys, or when nothing was ever sealed and it has none.

        Raises `Unreadable` or `StoreUnavailable`.
        """
        key, vault = self._store.key(KEY), self._store.vault
        with self._store.guarded() as redis:
            stored: str | None = redis.hget(key, CANARY)
            if stored is None and vault.is_closed:
                redis.hsetnx(key, CANARY, vault.seal(_WORD))
                stored = redis.hget(key, CANARY)
        vault.open(stored or "")
