"""Pools whose secrets are sealed, and a look at all that stands in their Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from kimi.pool import Store
from kimi.pool.resealing import Resealing
from kimi.pool.seals import Seals
from kimi.pool.vault import Vault
from tests.dumps import dump
from tests.kimi.pool.pools import Pool


def with_keys(pool: Pool, *keys: str) -> Pool:
    """The same pool as a process with these keys sees it."""
    return replace(pool, store=Store(pool.store.redis, vault=Vault(keys), clock=pool.clock))


def freshened(pool: Pool, *keys: str, name: str) -> None:
    """A process with these keys gives it new tokens, twice, so that nothing of it is sealed as before."""
    for _ in range(2):
        with_keys(pool, *keys).freshen(name)


def counted(store: Store) -> Seals:
    """How many secrets are sealed with which key, whoever lives."""
    return replace(Resealing(store).status(), canary=None, processes={})


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Does `work` beside the block, again and again, until that ends or fails. Raises what `work` does."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            work()

    with ThreadPoolExecutor(1) as threads:
        worked = threads.submit(go_on)
        try:
            yield
        finally:
            stop.set()
    worked.result()


def everything(redis: Any) -> list[str]:
    """Every key, field, value and member in Redis."""
    return [word for key, words in dump(redis).items() for word in (key, *words) if word]


def seen_plainly(redis: Any, *secrets: str) -> list[str]:
    """Those of `secrets` that can be read in Redis."""
    text = "\n".join(everything(redis))
    return [secret for secret in secrets if secret in text]
