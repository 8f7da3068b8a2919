"""Accounts in large numbers, entered into Redis without an upstream."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Final

from kimi.accounts import Account, ConfiguredAccount, Kind, State, Tokens
from kimi.pool import Members, Store, TokenStore

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
        members.sync([ConfiguredAccount(account, f"secret-{account.name}") for account in accounts])
        now = time.time()
        for account in accounts[:fresh]:
            record = members.get(account.name)
            assert record is not None
            pair = Tokens(f"access-{account.name}", f"refresh-{account.name}")
            lasting = 900 - dice.random() * 600
            assert tokens.save(record, pair, issued=now, expires=now + lasting, next_due=now + lasting / 2)
        self.names = sorted(account.name for account in accounts)

    def kill(self, *names: str) -> None:
        """Their tokens are refused."""
        members = Members(self.store)
        for name in names:
            record = members.get(name)
            assert record is not None and members.mark(name, record.version, State.DEAD, _REASON)


def _kind(number: int) -> Kind:
    return (Kind.KIMI, Kind.KIMI, Kind.CLASSIC)[number % 3]
