"""Stores as the settings of a process say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kimi.pool.connection import SECONDS, Adapt, connect
from kimi.pool.fuse import Fuse
from kimi.pool.store import Store
from kimi.pool.vault import Vault


class StoreSettings(Protocol):
    """Where Redis is, and how secrets are sealed in it."""

    @property
    def redis_url(self) -> str: ...

    @property
    def token_encryption_keys(self) -> Sequence[str]: ...


def open_store(
    settings: StoreSettings,
    *,
    timeout: float = SECONDS,
    connections: int = 20,
    adapt: Adapt | None = None,
    fuse: Fuse | None = None,
) -> Store:
    """The store of `settings`; the end of a `with` closes it. For the others see `connect` and `Store`."""
    redis = connect(settings.redis_url, timeout=timeout, connections=connections, adapt=adapt)
    return Store(redis, vault=Vault(settings.token_encryption_keys), fuse=fuse)
