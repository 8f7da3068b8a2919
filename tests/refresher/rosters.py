"""Accounts files, and refreshers that keep the pool in line with them and remember it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from kimi.pool.changes import Changes
from kimi.pool.interventions import Interventions
from refresher.accounts_source import AccountsSource
from refresher.keepsakes import Keepsakes
from refresher.memory import Memory
from refresher.roster import CHECK_SECONDS, Roster
from tests.kimi.pool.pools import Pool
from tests.ports import free_port


class Checks(Protocol):
    """Looks after something now and then."""

    def check(self) -> None: ...


class Remembering:
    """What of a refresher keeps the pool in line with a file, and puts right what the store loses."""

    def __init__(self, pool: Pool, file: Path | None) -> None:
        self.memory = Memory(pool.members, pool.tokens)
        hands = Interventions(pool.store)
        self.keepsakes = Keepsakes(pool.members, Changes(pool.store), hands, self.memory, clock=pool.clock)
        source = AccountsSource(file)
        self.roster = Roster(source, pool.members, self.memory, added=self.keepsakes.restore, clock=pool.clock)
        self.roster.start()

    def check(self) -> None:
        self.keepsakes.check()
        self.roster.check()


def write(path: Path, count: int) -> Path:
    """A file of so many accounts."""
    entries = (f"  - {{name: n{number:03}, kind: moonshot, api_key: sk-{number}-key}}\n" for number in range(count))
    path.write_text("accounts:\n" + "".join(entries), encoding="utf-8")
    return path


def web_text(*rows: str) -> str:
    """What a file says of accounts of the web chat: `name`, `name|token` or `name|token|what else stands there`."""
    entries = []
    for row in rows:
        name, token, more = (*row.split("|"), "", "")[:3]
        entries.append(f"  - {{name: {name}, refresh_token: eyJ.eyJ.{token or name}{', ' + more if more else ''}}}\n")
    return "accounts:\n" + "".join(entries) if entries else "accounts: []\n"


def roster_of(pool: Pool, file: Path | None) -> Roster:
    """One that has not started."""
    return Roster(AccountsSource(file), pool.members, Memory(pool.members, pool.tokens), clock=pool.clock)


def go_on(pool: Pool, *them: Checks, seconds: float = 2 * CHECK_SECONDS) -> None:
    """Let each have a look as often as it does in that time."""
    end = pool.clock.now + seconds
    while pool.clock.now < end:
        pool.clock.now += CHECK_SECONDS
        for each in them:
            each.check()


def in_service(pool: Pool) -> list[str]:
    """By name."""
    return [record.account.name for record in pool.members.all() if record.configured]


def lose(pool: Pool, *names: str) -> None:
    """As a failover loses the last that was written, with the numbers of its changes."""
    redis, key = pool.store.redis, pool.store.key
    for name in names:
        redis.delete(key("account", name))
        redis.srem(key("accounts"), name)
        redis.zrem(key("refresh"), name)
        redis.zrem(key("changed"), name)
    redis.decrby(key("changes"), len(names))


def go_on_with_another_line_of_writes(pool: Pool) -> None:
    """As Redis does that was started anew, or that took over."""
    pool.store.redis.replicaof("127.0.0.1", free_port())
    pool.store.redis.replicaof("NO", "ONE")
