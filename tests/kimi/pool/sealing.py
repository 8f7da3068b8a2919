"""Pools whose secrets are sealed, and a look at all that stands in their Redis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kimi.pool import Store
from kimi.pool.vault import Vault
from tests.kimi.pool.pools import Pool


def with_keys(pool: Pool, *keys: str) -> Pool:
    """The same pool as a process with these keys sees it."""
    return replace(pool, store=Store(pool.store.redis, vault=Vault(keys), clock=pool.clock))


def everything(redis: Any) -> list[str]:
    """Every key, field and value in Redis, whatever its type."""
    found: list[str] = []
    for key in redis.scan_iter(count=1000):
        found.append(key)
        match redis.type(key):
            case "string":
                found.append(redis.get(key))
            case "hash":
                found += [word for pair in redis.hgetall(key).items() for word in pair]
            case "list":
                found += redis.lrange(key, 0, -1)
            case "set":
                found += redis.smembers(key)
            case "zset":
                found += redis.zrange(key, 0, -1)
            case "stream":
                found += [word for _, entry in redis.xrange(key) for pair in entry.items() for word in pair]
    return [word for word in found if word]


def seen_plainly(redis: Any, *secrets: str) -> list[str]:
    """Those of `secrets` that can be read in Redis."""
    text = "\n".join(everything(redis))
    return [secret for secret in secrets if secret in text]
