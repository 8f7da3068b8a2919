"""Which of the accounts that somebody brings along can be taken, in view of those that are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from hmac import compare_digest
from types import MappingProxyType

from kimi import claims
from kimi.account_forms import Entry
from kimi.accounts import Account, ConfiguredAccount, Kind, Origin, Record, Region, Sealed, State
from kimi.errors import Unreadable
from kimi.operating.spans import span
from kimi.operating.troubles import UNREADABLE
from kimi.pool.fingerprints import fingerprint


class Outcome(StrEnum):
    """What becomes of an entry."""

    ADDED = "added"
    KNOWN = "known"  # an account has this credential already
    REFUSED = "refused"


class Code(StrEnum):
    """The same more exactly, for programs."""

    ADDED = "added"
    REPLACED = "replaced"  # it took the place of a credential that was dead or banned
    SAME_LOGIN = "same_login"  # added beside another account of its login
    SAME_LOGIN_OUT = "same_login_out"  # the same, and that one, of the accounts file, is dead or banned
    KNOWN = "known"
    KNOWN_OUT = "known_out"  # and the account that has it is dead or banned
    MALFORMED = "malformed"
    INCOMPLETE = "incomplete"
    FOR_MOONSHOT = "for_moonshot"  # it is an API key, and no token
    FOR_WEB = "for_web"  # it is a token, and no API key
    ACCESS_ALONE = "access_alone"  # it is an access token, and no refresh token
    INVALID_ENTRY = "invalid_entry"  # a field of it is wrong
    NOT_KIMI = "unreadable"  # it is no token of Kimi
    EXPIRED = "expired"
    NAME_TAKEN = "name_taken"
    OTHER_POOL = "other_pool"  # it is that pool's, and may be spent there
    CHANGED_MEANWHILE = "changed_meanwhile"  # to be added again


@dataclass(frozen=True, slots=True)
class Taken:
    """What is told of one entry; `place` says where it stands, `message` is for people and holds no secret.

    `expires` is when its credential does, in Unix seconds, where it says so. `line` is the number of its line, where it
    has one of its own. `twin` is the other account that it is about, where it is about one.
    """

    place: str
    outcome: Outcome
    name: str
    kind: Kind | None
    expires: float | None
    message: str
    code: Code
    line: int | None
    twin: str | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """An account that is there: what its credentials are known by, and whose login they are of.

    `state` and `origin` are those that it has in the pool; None where it is not looked for there. `is_sealed` says that
    no key opens its credential there, or its proxy.
    """

    account: Account
    fingerprints: tuple[str, ...]
    login: str | None
    state: State | None = None
    origin: Origin | None = None
    is_sealed: bool = False

    @classmethod
    def of(cls, member: ConfiguredAccount) -> Holder:
        """One that is written down."""
        return cls(member.account, (fingerprint(member.secret),), _login(member))

    @classmethod
    def stored(cls, record: Record) -> Holder:
        """One of the pool, known by the credential that it was configured with and by the one that came of it.

        Where no key opens that one, whose login it is of is not known.
        """
        login: str | None = None
        known_by: tuple[str, ...] = (record.fingerprint,)
        with suppress(Unreadable):
            member = ConfiguredAccount(record.account, record.refresh)
            login, known_by = _login(member), (record.fingerprint, fingerprint(member.secret))
        is_sealed = not record.is_readable
        return cls(record.account, known_by, login, record.state, record.origin, is_sealed)

    @property
    def name(self) -> str:
        """That of the account."""
        return self.account.name

    @property
    def is_useless(self) -> bool:
        """Whether its credential is good for nothing any more."""
        return self.state in {State.DEAD, State.BANNED}

    def takes_again(self, secret: str) -> bool:
        """Whether it may be opened again with the secret that it was configured with."""
        return self.is_sealed and compare_digest(fingerprint(secret), self.fingerprints[0])

    def makes_room_for(self, kind: Kind, region: Region) -> bool:
        """Whether a credential of that kind and region may take the place of the one that it has."""
        is_like = (self.account.kind, self.account.region) == (kind, region)
        is_lost = isinstance(self.account.proxy, Sealed)  # the way to its upstream, which would stay
        return is_like and self.is_useless and self.origin is Origin.OPERATOR and not is_lost


@dataclass
class Intake:
    """Decides about entries one after the other; `now` is in Unix seconds.

    `elsewhere` are the pools that have credentials which may not be in two, by their fingerprints.
    """

    now: float
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    _holders: dict[str, Holder] = field(default_factory=dict)  # by name
    _owners: dict[str, str] = field(default_factory=dict)  # names by fingerprint
    _logins: dict[str, dict[str, None]] = field(default_factory=dict)  # names by login, in order

    @classmethod
    def beside(
        cls, holders: Iterable[Holder], now: float, elsewhere: Mapping[str, str] = MappingProxyType({})
    ) -> Intake:
        """In view of those that are there, and of what is `elsewhere`."""
        intake = cls(now, elsewhere)
        for holder in holders:
            intake.take(holder)
        return intake

    def consider(self, entry: Entry) -> tuple[Taken, ConfiguredAccount | None]:
        """What is told of it, and the account under the name that it is to have, if it can be taken.

        That is the one that makes room for it, where there is one. Of what is known it is the one to bring again, where
        no key opens the account that has it.
        """
        member = entry.member
        if member is None:
            return self.refuse(entry, "; ".join(entry.complaints), Code(entry.code)), None
        secret, account = member.secret, member.account
        expires = claims.read(secret).exp if account.kind.is_web else None
        if other := self._owners.get(fingerprint(secret)):
            return self.known(entry, other), member if self._holders[other].takes_again(secret) else None
        if account.kind.is_web and not claims.is_token(secret):
            why = "is no token of Kimi: copy the value of refresh_token again, as a whole"
            return self.refuse(entry, why, Code.NOT_KIMI), None
        if expires is not None and expires <= self.now:
            ago = span(self.now - expires)
            return self.refuse(entry, f"expired {ago} ago: log in again and copy the new token", Code.EXPIRED), None
        if pool := self.elsewhere.get(fingerprint(secret)):
            why = (
                f"the pool {pool} in this Redis has it, or had it, and may have spent it: move the account as "
                "docs/guides/operating.md says, or log in again and copy the new token"
            )
            return self.refuse(entry, why, Code.OTHER_POOL), None
        old = self._replaced(entry, member)
        if old is None and entry.raw is not None and account.name in self._holders:
            why = "an account of this name is there already, with another credential"
            return self.refuse(entry, why, Code.NAME_TAKEN), None
        named = replace(member, account=old.account) if old else self._renamed(member)
        twin = next(self._twins(named), None) if old is None else None
        words = ", ".join(self._words(named, expires, old, twin))
        code = Code.REPLACED if old else _beside(twin)
        other = twin.name if twin else None
        return Taken(
            entry.place, Outcome.ADDED, named.account.name, account.kind, expires, words, code, entry.line, other
        ), named

    def take(self, holder: Holder) -> None:
        """This account is there from now on, in the place of one of its name."""
        self._holders[holder.name] = holder
        for each in holder.fingerprints:
            self._owners.setdefault(each, holder.name)
        if holder.login is not None:
            self._logins.setdefault(holder.login, {})[holder.name] = None

    def known(self, entry: Entry, name: str) -> Taken:
        """The account of that name has the credential already."""
        kind = entry.member.account.kind if entry.member else None
        words, holder, code = f"account {name} has this credential already", self._holders.get(name), Code.KNOWN
        if holder is not None and holder.is_useless:
            words += f", and is {holder.state} with it: log in again and copy the new token"
            code = Code.KNOWN_OUT
        elif holder is not None and holder.is_sealed:
            words, code = f"{words}, and {UNREADABLE}", Code.KNOWN_OUT
        return Taken(entry.place, Outcome.KNOWN, name, kind, None, words, code, entry.line)

    def refuse(self, entry: Entry, why: str, code: Code = Code.CHANGED_MEANWHILE) -> Taken:
        """It cannot be taken."""
        account = entry.member.account if entry.member else None
        name, kind = (account.name, account.kind) if account else ("", None)
        return Taken(entry.place, Outcome.REFUSED, name, kind, None, why, code, entry.line)

    def _replaced(self, entry: Entry, member: ConfiguredAccount) -> Holder | None:
        """The account that makes room for it: of its name where one was written, else of its login."""
        account = member.account
        if entry.raw is not None:
            old = self._holders.get(account.name)
            return old if old is not None and old.makes_room_for(account.kind, account.region) else None
        # A token does not tell its region, but it is that of its login.
        return next((old for old in self._twins(member) if old.makes_room_for(account.kind, old.account.region)), None)

    def _twins(self, member: ConfiguredAccount) -> Iterator[Holder]:
        """Those of the same login."""
        login = _login(member)
        there = (self._holders[name] for name in self._logins.get(login or "", ()))
        return (each for each in there if each.login == login)

    def _words(
        self, member: ConfiguredAccount, expires: float | None, old: Holder | None, twin: Holder | None
    ) -> Iterator[str]:
        if old is not None:
            yield f"it was {old.state}: this takes the place of its old credential"
        yield f"kind {member.account.kind}"
        if expires is not None:
            yield f"expires {datetime.fromtimestamp(expires, UTC):%Y-%m-%d} (in {span(expires - self.now)})"
        if twin is not None and _beside(twin) is Code.SAME_LOGIN_OUT:
            yield f"the same login as {twin.name}, which is {twin.state}: take that out of the accounts file"
        elif twin is not None:
            yield f"the same login as {twin.name}: remove the older one"

    def _renamed(self, member: ConfiguredAccount) -> ConfiguredAccount:
        """Under a name that is free: that of a token which stands alone comes from its login."""
        name, number = member.account.name, 1
        while name in self._holders:
            number += 1
            name = f"{member.account.name}-{number}"
        return replace(member, account=replace(member.account, name=name))


def _beside(twin: Holder | None) -> Code:
    """What an account that is added is called beside that one."""
    if twin is None:
        return Code.ADDED
    return Code.SAME_LOGIN_OUT if twin.is_useless and twin.origin is Origin.FILE else Code.SAME_LOGIN


def _login(member: ConfiguredAccount) -> str | None:
    return claims.read(member.secret).sub if member.account.kind.is_web else None
