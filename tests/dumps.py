"""All that a Redis holds."""

from __future__ import annotations

from typing import Any


def dump(redis: Any) -> dict[str, list[str]]:
    """Every field, value and member, by key; `redis` decodes its answers."""
    return {key: _words(redis, key) for key in redis.scan_iter(count=1000)}


def _words(redis: Any, key: str) -> list[str]:
    match redis.type(key):
        case "string":
            return [redis.get(key) or ""]
        case "hash":
            return [word for pair in redis.hgetall(key).items() for word in pair]
        case "list":
            return list(redis.lrange(key, 0, -1))
        case "set":
            return list(redis.smembers(key))
        case "zset":
            return list(redis.zrange(key, 0, -1))
        case "stream":
            return [word for _, entry in redis.xrange(key) for pair in entry.items() for word in pair]
        case kind:
            assert kind == "none", kind  # it has expired since
            return []
