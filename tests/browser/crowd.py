"""Accounts in large numbers, entered into Redis without an upstream."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from kimi.accounts import Account, ConfiguredAccount, Kind, State, Tokens
from kimi.alerts.notes import Rule
from kimi.events import Usage
from kimi.pool import Leases, Members, Rest, Store, TokenStore, Wish
from kimi.pool.alerts import Active, AlertBook
from kimi.pool.counts import Counts, Courier
from kimi.pool.heartbeats import Heartbeats

_GIVEN: Final = (
    "alice",
    "bob",
    "carol",
    "dora",
    "emil",
    "frida",
    "hanna",
    "ivan",
    "jule",
    "lena",
    "mila",
    "noah",
    "otto",
)
CLIENTS: Final = ("one-api", "one-api", "one-api", "codex", "notebooks")
"""Names of keys, by how much is asked with each."""
_ROUTES: Final = ("kimi", "kimi-classic")
_REASON: Final = "the refresh token was refused: put a new one in its place"


@dataclass
class Crowd:
    """Made-up accounts in a pool whose tokens nobody renews."""

    store: Store
    names: list[str] = field(default_factory=list)

    def enter(self, count: int, *, fresh: int = 100) -> None:
        """So many accounts, the first `fresh` of them with an access token that lives for 15 minutes."""
        dice = random.Random(count)
        accounts = [Account(name=f"{dice.choice(_GIVEN)}-{number:04}", kind=_kind(number)) for number in range(count)]
        members, tokens = Members(self.store), TokenStore(self.store)
        self.store.redis.config_set("appendfsync", "no")  # a disk that is waited for 5,000 times takes its time
        members.sync([ConfiguredAccount(account, f"secret-{account.name}") for account in accounts])
        self.store.redis.config_set("appendfsync", "always")
        now = time.time()
        for account in accounts[:fresh]:
            record = members.get(account.name)
            assert record is not None
            pair = Tokens(f"access-{account.name}", f"refresh-{account.name}")
            lasting = 900 - dice.random() * 600
            assert tokens.save(record, pair, issued=now, expires=now + lasting, next_due=now + lasting / 2)
        self.names = sorted(account.name for account in accounts)

    def live(self) -> None:
        """They have been used all day, some are at work, some rest, some are out of service, and others look on."""
        dice = random.Random(1)
        heartbeats, leases = Heartbeats(self.store), Leases(self.store)
        for name in ("refresher-1", "refresher-2"):
            heartbeats.beat(name)
        for number, name in enumerate(self.names):
            if number % 11 == 4:
                self._take_out(State.DEAD, _REASON, name)
            elif number % 17 == 6:
                self._take_out(State.PAUSED, "paused by the operator", name)
            elif number % 19 == 8:
                self._take_out(State.BANNED, "the account is abnormal: log in on the site", name)
            elif number % 9 == 5:
                self._rest(name, dice.randrange(20, 240))
        for _ in range(len(self.names) // 3):
            leases.acquire(Wish(_ROUTES, "kimi"))
        self._alert()
        self._work(dice)

    def kill(self, *names: str) -> None:
        """Their tokens are refused."""
        self._take_out(State.DEAD, _REASON, *names)

    def _take_out(self, state: State, reason: str, *names: str) -> None:
        members = Members(self.store)
        for name in names:
            record = members.get(name)
            assert record is not None and members.mark(name, record.version, state, reason)

    def _rest(self, name: str, seconds: float) -> None:
        """As after an answer that said so."""
        leases = Leases(self.store)
        lease = leases.acquire(Wish(_ROUTES, "kimi", only=name))
        leases.release(lease, rest=Rest("overloaded", "overloaded", seconds, seconds))

    def _alert(self) -> None:
        """What a refresher would have noted of those that died."""
        book, watcher = AlertBook(self.store), "refresher-1"
        book.hold(watcher, 60)
        dead = Active(
            rule=Rule.DEAD, subjects=tuple(self.names[4:27:11]), count=15, since=time.time() - 700, figure=0, limit=0
        )
        book.write(watcher, [], [], [dead])

    def _work(self, dice: random.Random) -> None:
        """A day of requests, as the gateway counts them."""
        now = time.time()
        for minute in range(1440, -1, -1):
            at = now - 60 * minute
            counts = Counts(partial(float, at))
            busy = 0.5 + 0.3 * math.sin(at / 700) + 0.25 * dice.random()
            for _ in range(int(busy * (40 if minute <= 60 else 12))):
                failed, usage = dice.random() < 0.02, Usage(dice.randrange(200, 4000), dice.randrange(50, 900))
                first = 0.4 + dice.expovariate(1.6) * (0.6 + busy)
                total = first + 9 * dice.random()
                counts.asked(dice.choice(self.names), failed=failed, usage=usage)
                counts.answered(dice.choice(CLIENTS), failed=failed, usage=usage, first_event=first, total=total)
            Courier(self.store, counts).deliver()


def _kind(number: int) -> Kind:
    return (Kind.KIMI, Kind.KIMI, Kind.CLASSIC)[number % 3]
