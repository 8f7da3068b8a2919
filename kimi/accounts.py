"""Accounts and what they hold, as values that can be logged without leaking."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from kimi.errors import Unreadable


class Kind(StrEnum):
    """Which upstream an account belongs to, and so which dialect it speaks."""

    KIMI = "kimi"
    CLASSIC = "kimi-classic"
    MOONSHOT = "moonshot"

    @property
    def is_web(self) -> bool:
        """Whether the account is a login of the web chat, living on refresh tokens, and not an API key."""
        return self is not Kind.MOONSHOT


class Region(StrEnum):
    """Where a `kimi` account was made; tokens do not cross."""

    CN = "cn"
    GLOBAL = "global"


class State(StrEnum):
    """What the pool knows about an account."""

    NEW = "new"  # known, no access token fetched so far
    ACTIVE = "active"  # serves, or will as soon as its token is fresh again
    DEAD = "dead"  # its refresh token or key was refused
    BANNED = "banned"  # closed by the vendor
    PAUSED = "paused"  # set aside by the operator


class Origin(StrEnum):
    """Where an account has come from, and so who can take it out."""

    FILE = "file"  # the accounts file, or KIMI_REFRESH_TOKENS
    OPERATOR = "operator"  # entered by hand while the pool was running; it stands in the store alone
    CLIENT = "client"  # a client brings its token along


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret that no key of this process opens, as it stands in the store."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One member of the pool, without its credential."""

    name: str
    kind: Kind
    region: Region = Region.CN
    max_concurrency: int = 1
    requests_per_minute: int | None = None
    weight: float = 1.0
    priority: int = 0
    proxy: str | Sealed | None = field(default=None, repr=False)  # may carry a password
    base_url: str | None = None
    models: tuple[str, ...] = ()  # moonshot: what it may be asked for; empty means whatever its /models lists
    owner: str = ""  # for whom alone it serves: routes of such an account end in `@owner`; empty means everybody

    def proxy_to_dial(self) -> str | None:
        """The proxy before its upstream, None for none. Raises `Unreadable` where its address is sealed still."""
        if isinstance(self.proxy, Sealed):
            raise Unreadable("no key of TOKEN_ENCRYPTION_KEYS opens the address of the account's proxy")
        return self.proxy

    @property
    def line(self) -> str:
        """The way to its upstream: accounts that share host and proxy share what happens on it. Shows neither.

        Nothing of a password is in it, which whoever reads it could guess at.
        """
        return _line("\n".join((self.kind, self.region, self.base_url or "")), self.proxy)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}" if url else ""


@lru_cache(maxsize=1024)
def _line(host: str, proxy: str | Sealed | None) -> str:
    way = proxy.text if isinstance(proxy, Sealed) else _without_password(proxy or "")
    return hashlib.sha256(f"{host}\n{way}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ConfiguredAccount:
    """An account as the operator wrote it: the member and its refresh token or API key."""

    account: Account
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token and the refresh token that renews it. For `moonshot` accounts both are the API key."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the store holds of one account.

    `version` grows whenever a credential changes, so that a writer can tell whether what it read still stands.
    All times are in Unix seconds; `access_expires` is 0 while there is no access token.
    Secrets are held as they are stored, and `opened` when somebody asks for them: most only look at all the rest.
    """

    account: Account
    state: State
    reason: str = ""  # why it is out of service, or why its latest refreshes failed
    version: int
    stored_refresh: str = field(repr=False)
    stored_access: str = field(default="", repr=False)
    stored_previous: tuple[str, ...] = field(default=(), repr=False)  # refresh tokens before, until this is known good
    opened: Callable[[str], str] = field(default=str, repr=False, compare=False)
    access_issued: float = 0.0
    access_expires: float = 0.0
    rejected: bool = False  # the upstream refused the access token before its time
    alone: bool = False  # the refresh token came without the access token that stands beside it
    failures: int = 0  # failed refreshes in a row
    in_flight: int = 0
    cool_until: float = 0.0
    cool_reason: str = ""
    due: float | None = None  # when its next refresh is scheduled, 0 or less is at once; None while nothing is
    models: tuple[str, ...] = ()  # what a key lists; of a `kimi` account, entries of `kimi.scenarios`
    fingerprint: str = ""  # of the configured secret that the credential stems from
    configured: bool = True  # False: the operator took it out; it is kept, out of service
    origin: Origin = Origin.FILE
    edited: bool = False  # its limits are not those that were written for it

    @property
    def refresh(self) -> str:
        """The refresh token, or the API key. Raises `Unreadable`."""
        return self.opened(self.stored_refresh)

    @property
    def access(self) -> str:
        """The access token, '' while there is none. Raises `Unreadable`."""
        return self.opened(self.stored_access)

    @property
    def is_doubted(self) -> bool:
        """Whether nothing speaks for the refresh token: the access token was refused that came with it, or none did."""
        return self.rejected or self.alone

    @property
    def previous(self) -> tuple[Record, ...]:
        """The same with each refresh token before that can be opened, newest first. Raises `Unreadable`."""
        found = {self.refresh: self}
        for text in self.stored_previous:
            with suppress(Unreadable):
                found.setdefault(self.opened(text), replace(self, stored_refresh=text))
        return tuple(found.values())[1:]

    def unseal(self) -> None:
        """Opens what a refresh takes, so that it is known to be there. Raises `Unreadable`."""
        self.opened(self.stored_refresh)
        self.account.proxy_to_dial()

    @property
    def is_readable(self) -> bool:
        """Whether there is a key that opens those."""
        try:
            self.unseal()
        except Unreadable:
            return False
        return True

    @property
    def has_access(self) -> bool:
        """Whether there is an access token."""
        return bool(self.stored_access)
