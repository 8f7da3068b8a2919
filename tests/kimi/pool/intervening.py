"""What tests of the operator's hands share."""

from __future__ import annotations

from typing import Any

from kimi.accounts import ConfiguredAccount, Record, Tokens
from tests.kimi.pool.pools import Pool, web


def heard(pubsub: Any) -> list[str]:
    names = []
    while message := pubsub.get_message(timeout=0.05):
        names.append(message["data"])
    return names


def stored(pool: Pool, name: str = "a") -> Record:
    record = pool.members.get(name)
    assert record is not None
    return record


def entered(name: str, secret: str, **options: object) -> ConfiguredAccount:
    return ConfiguredAccount(web(name, **options), secret)


def save(pool: Pool, record: Record, refresh: str) -> bool:
    now = pool.clock.now
    return pool.tokens.save(record, Tokens("access", refresh), issued=now, expires=now + 900, next_due=now + 450)


def changes(pool: Pool) -> int:
    return int(pool.store.redis.get(pool.store.key("changes")) or 0)
