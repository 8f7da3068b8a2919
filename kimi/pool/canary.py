"""A word in Redis that shows whether a process has the keys with which the secrets there are sealed."""

from __future__ import annotations

from typing import Final

from kimi.pool.store import Store

KEY: Final = "vault"
CANARY: Final = "canary"
_WORD: Final = "these are the keys"


class Canary:
    """Sealed once, when the first refresher comes with keys, and anew when all secrets have been.

    Gateways leave none: refreshers without keys can go on while one gateway after the other is given them.

    Every method raises `Unreadable` in a process that has none of the right keys, and may raise `StoreUnavailable`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = store.key(KEY)

    def check(self) -> bool:
        """Returns when this process has the right keys, or when nobody has come with keys so far: True or False."""
        return self._is_there()

    def keep(self) -> None:
        """The same, where secrets are written from now on: nobody has the right keys any more without one of these."""
        if not self._is_there() and self._store.vault.is_closed:
            with self._store.guarded() as redis:
                redis.hsetnx(self._key, CANARY, self._store.vault.seal(_WORD))
            self._is_there()

    def _is_there(self) -> bool:
        with self._store.guarded() as redis:
            stored: str | None = redis.hget(self._key, CANARY)
        if stored is not None:
            self._store.vault.key_of(stored)  # says nothing in the log: whoever asks has a line for it
        return stored is not None
