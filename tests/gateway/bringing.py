"""Keys that were created, and refresh tokens that clients bring along, with what knows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import jwt

from kimi.accounts import ConfiguredAccount, Kind, State
from kimi.errors import StoreUnavailable
from kimi.pool.client_terms import ClientLimits
from kimi.pool.clients import Client, digest_of
from kimi.pool.private import Adoption, Known, private_account

KEY = f"sk-kimi-{'a' * 43}"
SHOP = Client(
    id="shop",
    name="shop",
    prefix="sk-kimi-aa",
    digest=digest_of(KEY),
    created=0,
    limits=ClientLimits(models=("kimi*",)),
)


class Found:
    """Knows one key, and notes what it was asked for."""

    def __init__(self, *, away: bool = False) -> None:
        self.asked: list[bytes] = []
        self._away = away

    def find(self, digest: bytes) -> Client | None:
        self.asked.append(digest)
        if self._away:
            raise StoreUnavailable("away")
        return SHOP if digest == SHOP.digest else None


def token(user: str, typ: str = "refresh") -> str:
    return jwt.encode({"typ": typ, "sub": user}, "0" * 64, algorithm="HS512")


ALICE, BOB, CAROL = token("alice"), token("bob"), token("carol")


def name_of(secret: str) -> str:
    return private_account(secret, Kind.KIMI).account.name


@dataclass
class Shelf:
    """Where accounts are kept; `states` are those that were adopted, `will` says what becomes of further ones."""

    states: dict[str, State] = field(default_factory=dict)
    will: dict[str, Adoption | Exception] = field(default_factory=dict)
    adopted: int = 0
    noticed: int = 0  # so often somebody looked
    forgets: bool = False  # as memory does that has not heard of what was adopted

    def notice(self, members: Iterable[ConfiguredAccount]) -> dict[str, Known]:
        self.noticed += 1
        names = [member.account.name for member in members]
        return {
            name: Known(name, self.states[name], self.states[name] is State.ACTIVE, ("kimi",))
            for name in names
            if name in self.states
        }

    def adopt(self, member: ConfiguredAccount) -> Adoption:
        outcome = self.will.get(member.account.name, Adoption.ADOPTED)
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is Adoption.ADOPTED:
            self.adopted += 1
            if not self.forgets:
                self.states[member.account.name] = State.NEW
        return outcome

    def is_now(self, secret: str, state: State) -> None:
        self.states[name_of(secret)] = state

    def does(self, secret: str, outcome: Adoption | Exception) -> None:
        self.will[name_of(secret)] = outcome
