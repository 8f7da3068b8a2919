"""Accounts of somebody's own: a client brings a refresh token along instead of a key, and is served by its account.

Such an account is like any other, but for its routes, which end in its owner and are known to that client alone.
The client goes on sending the token that it began with, and is known by its fingerprint: what it was exchanged for
since stays inside. A client that copies a newer token of the same login somewhere is another account, and whichever of
the two is exchanged first may leave the other dead; nobody but Kimi can tell that they belong together.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

from kimi.accounts import Account, ConfiguredAccount, Kind, State
from kimi.errors import Unreadable
from kimi.pool.canary import Canary
from kimi.pool.fingerprints import fingerprint
from kimi.pool.members import enter_configured, known_of
from kimi.pool.mending import mend
from kimi.pool.neighbours import Neighbours
from kimi.pool.private_names import is_private, private_name
from kimi.pool.specs import pack
from kimi.pool.store import Store, to_ms

ORIGIN: Final = "passthrough"
IDLE_SECONDS: Final = 86_400.0
"""How long after its last use an account is kept fresh; what its token was exchanged for is kept for much longer."""
STRANGER_SECONDS: Final = 3_600.0
"""The same for one that is dead, or has never had an access token."""
MOST: Final = 5_000
"""So many there may be at once."""


class Adoption(StrEnum):
    """What became of a token that was not known."""

    ADOPTED = "adopted"
    LATER = "later"  # what it was exchanged for before is being exchanged just now
    CONFIGURED = "configured"  # it is the operator's, and must not be exchanged in two places
    ELSEWHERE = "elsewhere"  # another pool of this Redis has it, or had it
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Known:
    """What has become of a token that somebody brought along. `routes` are without their owner."""

    name: str
    state: State
    usable: bool  # it has a good access token
    routes: tuple[str, ...]

    @property
    def is_dead(self) -> bool:
        """Whether only another token can help."""
        return self.state in {State.DEAD, State.BANNED}


def private_account(token: str, kind: Kind) -> ConfiguredAccount:
    """The account of a client who brings `token` along.

    It is named for the token and not for the login in it: anybody can write any login into a token.
    """
    name = private_name(fingerprint(token))
    return ConfiguredAccount(Account(name=name, kind=kind, owner=name), token)


def public_route(route: str) -> str:
    """`route` without its owner."""
    return route.rpartition("@")[0]


def private_routes(routes: Iterable[str], owners: Iterable[str]) -> tuple[str, ...]:
    """`routes` along the accounts of `owners` alone."""
    owners = tuple(owners)
    return tuple(f"{route}@{owner}" for route in routes for owner in owners)


def narrowed(routes: tuple[str, ...], name: str) -> tuple[str, ...]:
    """`routes` along the account `name` alone, where they are along accounts of the one whose own it is."""
    if not all(is_private(route.rpartition("@")[2]) for route in routes):
        return routes
    return private_routes(dict.fromkeys(map(public_route, routes)), (name,))


class PrivateAccounts:
    """Reads and writes what is known of them. Every method may raise `StoreUnavailable`."""

    def __init__(
        self, store: Store, *, idle: float = IDLE_SECONDS, stranger: float = STRANGER_SECONDS, most: int = MOST
    ) -> None:
        self._store = store
        self._idle = idle
        self._stranger = stranger
        self._most = most
        self._canary = Canary(store)
        self._neighbours = Neighbours(store)

    def notice(self, members: Iterable[ConfiguredAccount]) -> dict[str, Known]:
        """Those of `members` that are known, by name; notes that they are used.

        Those that wait for an access token with what no key opens, and of which nothing has become so far, take the
        token that came now.
        """
        members = tuple(members)
        words = [
            word
            for member in members
            for word in (member.account.name, pack(member.account, self._store.vault), fingerprint(member.secret))
        ]
        rows = self._store.run("notice", to_ms(self._idle), to_ms(self._stranger), *words)
        noticed = [(member, row) for member, row in zip(members, rows, strict=True) if row]
        in_vain = [member for member, row in noticed if not self._store.vault.opens(row[3])]
        if in_vain and self._has_the_right_keys():
            for member in in_vain:
                self._enter(member)
        return {
            member.account.name: Known(
                member.account.name,
                State(row[0]),
                bool(int(row[1])),
                tuple(public_route(route) for route in orjson.loads(row[2])),
            )
            for member, row in noticed
        }

    def adopt(self, member: ConfiguredAccount) -> Adoption:
        """Takes one that is not known into the pool, where it is exchanged like any other.

        It goes on with what its token was exchanged for before, where that is known. Raises `Unreadable` in a process
        with the wrong keys.
        """
        self._canary.look()
        if member.account.kind.is_web and self._neighbours.strangers([fingerprint(member.secret)]):
            return Adoption.ELSEWHERE
        return self._enter(member)

    def _enter(self, member: ConfiguredAccount) -> Adoption:
        mend(self._store, {member.account.name: known_of(member)})
        outcome = enter_configured(self._store, member, ORIGIN, limits=(to_ms(self._stranger), self._most))
        if outcome == "locked":
            return Adoption.LATER
        return Adoption(outcome) if outcome in {Adoption.CONFIGURED, Adoption.FULL} else Adoption.ADOPTED

    def _has_the_right_keys(self) -> bool:
        """Whether they are known, and are these.

        They prove nothing of what a token was exchanged for since: others may have been given a newer key first.
        """
        with suppress(Unreadable):
            return self._canary.look()
        return False

    def forget(self) -> tuple[str, ...]:
        """Forgets those that nobody has used for long; up to 100 names."""
        return tuple(self._store.run("forget_private"))
