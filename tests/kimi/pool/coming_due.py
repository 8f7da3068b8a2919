"""Accounts that are due, and what of them is handed out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kimi.pool.due import DueRefreshes, Room, Taken
from tests.kimi.pool.pools import Pool, web

FAST = 1000.0
PLENTY = 1000
ANY = Room(PLENTY)
BEHIND = "http://127.0.0.1:9"


def names(taken: Taken) -> list[str]:
    return [lock.name for lock, _ in taken.locks]


def numbered(count: int, beginning: str = "a") -> list[str]:
    return [f"{beginning}{number:04}" for number in range(count)]


def overdue(pool: Pool, accounts: Iterable[str]) -> None:
    """Accounts that are due since now, one a millisecond, in this order."""
    accounts = list(accounts)
    pool.configure(*map(web, accounts))
    for number, name in enumerate(accounts):
        pool.store.redis.zadd(pool.store.key("refresh"), {name: round(pool.clock.now * 1000) + number})
    pool.clock.now += len(accounts) / 1000


def entered(pool: Pool, lines: Mapping[str, str], score: float) -> None:
    """Accounts by the lines that they have, due since then: all that a refresh that is handed out asks for."""
    with pool.store.redis.pipeline() as pipe:
        for name, line in lines.items():
            pipe.hset(pool.store.key("account", name), "line", line)
        pipe.zadd(pool.store.key("refresh"), dict.fromkeys(lines, score))
        pipe.execute()


def behind(pool: Pool, count: int, *, score: float = 1000) -> str:
    """So many that are due behind a proxy, longer than all others; their line."""
    line = web("p", proxy=BEHIND).line
    entered(pool, dict.fromkeys(numbered(count, "p"), line), score)
    return line


def due_again(pool: Pool) -> DueRefreshes:
    """A tenth of a second later."""
    pool.clock.now += 0.1
    return DueRefreshes(pool.store, rate=FAST)
