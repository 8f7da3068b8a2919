"""Which of the accounts that somebody brings along can be taken, in view of those that are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from kimi import claims
from kimi.account_forms import Entry
from kimi.accounts import ConfiguredAccount, Kind, Record
from kimi.operating.spans import span
from kimi.pool.members import fingerprint


class Outcome(StrEnum):
    """What becomes of an entry."""

    ADDED = "added"
    KNOWN = "known"  # an account has this credential already
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Taken:
    """What is told of one entry; `place` says where it stands, `message` is for people and holds no secret.

    `expires` is when its credential does, in Unix seconds, where it says so.
    """

    place: str
    outcome: Outcome
    name: str
    kind: Kind | None
    expires: float | None
    message: str


@dataclass(frozen=True, slots=True)
class Holder:
    """An account that is there: what its credentials are known by, and whose login they are of."""

    name: str
    fingerprints: tuple[str, ...]
    login: str | None

    @classmethod
    def of(cls, member: ConfiguredAccount) -> Holder:
        """One that is written down."""
        return cls(member.account.name, (fingerprint(member.secret),), _login(member))

    @classmethod
    def stored(cls, record: Record) -> Holder:
        """One of the pool, known by the credential that it was configured with and by the one that came of it."""
        member = ConfiguredAccount(record.account, record.refresh)
        return cls(record.account.name, (record.fingerprint, fingerprint(record.refresh)), _login(member))


@dataclass
class Intake:
    """Decides about entries one after the other; `now` is in Unix seconds."""

    now: float
    _names: set[str] = field(default_factory=set)
    _owners: dict[str, str] = field(default_factory=dict)  # names by fingerprint
    _logins: dict[str, str] = field(default_factory=dict)  # names by login

    @classmethod
    def beside(cls, holders: Iterable[Holder], now: float) -> Intake:
        """In view of those that are there."""
        intake = cls(now)
        for holder in holders:
            intake.take(holder)
        return intake

    def consider(self, entry: Entry) -> tuple[Taken, ConfiguredAccount | None]:
        """What is told of it, and the account under the name that it is to have, if it can be taken."""
        member = entry.member
        if member is None:
            return self.refuse(entry, "; ".join(entry.complaints)), None
        secret, account = member.secret, member.account
        expires = claims.read(secret).exp if account.kind.is_web else None
        if other := self._owners.get(fingerprint(secret)):
            return self.known(entry, other), None
        if account.kind.is_web and not claims.is_token(secret):
            return self.refuse(entry, "is no token of Kimi: copy the value of refresh_token again, as a whole"), None
        if expires is not None and expires <= self.now:
            ago = span(self.now - expires)
            return self.refuse(entry, f"expired {ago} ago: log in again and copy the new token"), None
        if entry.raw is not None and account.name in self._names:
            return self.refuse(entry, "an account of this name is there already, with another credential"), None
        named = self._renamed(member)
        words = self._words(named, expires)
        return Taken(entry.place, Outcome.ADDED, named.account.name, account.kind, expires, words), named

    def take(self, holder: Holder) -> None:
        """This account is there from now on."""
        self._names.add(holder.name)
        for each in holder.fingerprints:
            self._owners.setdefault(each, holder.name)
        if holder.login is not None:
            self._logins.setdefault(holder.login, holder.name)

    def known(self, entry: Entry, name: str) -> Taken:
        """The account of that name has the credential already."""
        kind = entry.member.account.kind if entry.member else None
        return Taken(entry.place, Outcome.KNOWN, name, kind, None, f"account {name} has this credential already")

    def refuse(self, entry: Entry, why: str) -> Taken:
        """It cannot be taken."""
        account = entry.member.account if entry.member else None
        name, kind = (account.name, account.kind) if account else ("", None)
        return Taken(entry.place, Outcome.REFUSED, name, kind, None, why)

    def _words(self, member: ConfiguredAccount, expires: float | None) -> str:
        words = [f"kind {member.account.kind}"]
        if expires is not None:
            words.append(f"expires {datetime.fromtimestamp(expires, UTC):%Y-%m-%d} (in {span(expires - self.now)})")
        twin = self._logins.get(_login(member) or "")
        if twin is not None:
            words.append(f"the same login as {twin}: remove the older one")
        return ", ".join(words)

    def _renamed(self, member: ConfiguredAccount) -> ConfiguredAccount:
        """Under a name that is free: that of a token which stands alone comes from its login."""
        name, number = member.account.name, 1
        while name in self._names:
            number += 1
            name = f"{member.account.name}-{number}"
        return replace(member, account=replace(member.account, name=name))


def _login(member: ConfiguredAccount) -> str | None:
    return claims.read(member.secret).sub if member.account.kind.is_web else None
