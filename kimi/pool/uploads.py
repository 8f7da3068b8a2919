"""Which files an account has given to its upstream already, so that each is uploaded once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from kimi.chat import Upload
from kimi.pool.store import Store, to_ms


class Uploads:
    """Uploads by the account that made them and a key, each for so many `seconds`.

    The key is for whoever asks to make: it stands for the content, its name, and whose it is.
    With 0 seconds nothing is remembered. Every method may raise `StoreUnavailable`.
    """

    def __init__(self, store: Store, seconds: float) -> None:
        self._store = store
        self._seconds = seconds

    def known(self, account: str, keys: Collection[str]) -> Mapping[str, Upload]:
        """Those of `keys` that the account has uploaded."""
        if not keys or not self._seconds:
            return {}
        with self._store.guarded() as redis:
            found: list[str | None] = redis.mget([self._key(account, key) for key in keys])
        return {key: _read(text) for key, text in zip(keys, found, strict=True) if text is not None}

    def keep(self, account: str, key: str, upload: Upload) -> None:
        """Remembers an upload."""
        if self._seconds:
            with self._store.guarded() as redis:
                redis.set(self._key(account, key), orjson.dumps(asdict(upload)), px=to_ms(self._seconds))

    def forget(self, account: str, keys: Collection[str]) -> None:
        """These are not there any more."""
        if keys:
            with self._store.guarded() as redis:
                redis.delete(*[self._key(account, key) for key in keys])

    def _key(self, account: str, key: str) -> str:
        return self._store.key("upload", account, key)


def _read(text: str) -> Upload:
    fields: dict[str, Any] = orjson.loads(text)
    return Upload(**fields)
