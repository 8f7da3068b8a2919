"""Stores as the settings of a process say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kimi.pool.connection import SECONDS, Adapt, connect, connect_listener
from kimi.pool.fuse import Fuse
from kimi.pool.masters import lead
from kimi.pool.replicas import replicas
from kimi.pool.signals import Signals
from kimi.pool.store import Store
from kimi.pool.vault import Vault


class StoreSettings(Protocol):
    """Where Redis is, what the pool is called there, and how its secrets are sealed."""

    @property
    def redis_url(self) -> str: ...

    @property
    def kimi_pool(self) -> str: ...

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
    redis = connect(settings.redis_url, settings.kimi_pool, timeout=timeout, connections=connections, adapt=adapt)
    kept = replicas(settings.redis_url, settings.kimi_pool)
    return Store(redis, settings.kimi_pool, replicas=kept, vault=Vault(settings.token_encryption_keys), fuse=fuse)


def open_signals(settings: StoreSettings) -> Signals:
    """The messages of that pool."""
    return Signals(connect_listener(settings.redis_url, settings.kimi_pool), settings.kimi_pool)


def follow(settings: StoreSettings) -> None:
    """Lets all connections of this process lead to who is the master now; to be called every second or so."""
    led = lead(settings.redis_url, settings.kimi_pool)
    if led is not None:
        led.follow()
