"""The accounts of the pool as their operator deals with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, NamedTuple

from kimi import account_entries, accounts_append
from kimi.account_entries import EntryError
from kimi.accounts import ConfiguredAccount, Kind, Origin, Record, State
from kimi.errors import Unreadable
from kimi.operating.intake import Taken
from kimi.operating.renewing import Renewal, Renewing
from kimi.operating.taking import Aside, Taking, at_once
from kimi.operating.troubles import UNREADABLE, NoSuchAccount, Refused
from kimi.pool import Members, Store
from kimi.pool.canary import Canary
from kimi.pool.interventions import Deleted, Interventions
from kimi.redaction import redact

__all__ = ["Accounts", "Limits", "NoSuchAccount", "Refused", "Renewal", "Seen", "Taken"]

Seen = Record
"""An account as the pool knows it, where it comes from (`origin`), and whether its limits were `edited`."""

_OF_THE_FILE: Final = "stands in the accounts file (or in KIMI_REFRESH_TOKENS): take it out there, or pause it"
_OF_A_CLIENT: Final = "belongs to a client, who brings its token along: it can be tested, paused, resumed and deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of the traffic an account takes; None leaves a limit as it is, 0 requests a minute is none."""

    max_concurrency: int | None = None
    requests_per_minute: int | None = None
    weight: float | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """The text of an accounts file, and the names of those that are `left` out because no key opens their secrets."""

    text: str = field(repr=False)
    left: tuple[str, ...] = ()


class _Opened(NamedTuple):
    """Accounts with their credentials, and why those that are `left` cannot be opened, by name."""

    there: list[ConfiguredAccount]
    left: dict[str, Unreadable]


class Accounts:
    """Looks at accounts and changes them. Every method may raise `StoreUnavailable`.

    Thousands of accounts take seconds to be read from a text or to be written as one: that work is handed to `aside`,
    which returns what comes of it, for callers that have other things to do meanwhile.
    Those that take a name raise `NoSuchAccount`, and `Refused` where that cannot be done to the account; both say why
    in a sentence.
    """

    def __init__(
        self,
        store: Store,
        *,
        pause: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        aside: Aside = at_once,
    ) -> None:
        self._aside = aside
        self._taking = Taking(store, aside)
        self._canary = Canary(store)
        self._members = Members(store)
        self._hands = Interventions(store)
        self._renewing = Renewing(store, pause=pause, monotonic=monotonic)

    def all(self) -> list[Seen]:
        """Every account, by name; also those that were taken out of the accounts file not long ago."""
        return [record for record in self._members.all() if _is_shown(record)]

    def some(self, names: Sequence[str]) -> list[Seen]:
        """Those of `names` that there are."""
        return [record for record in self._members.some(names) if _is_shown(record)]

    def get(self, name: str) -> Seen:
        """One account."""
        record = self._members.get(name)
        if record is None or not _is_shown(record):
            raise _unknown(name)
        return record

    def add(self, text: str, kind: Kind, source: str = "the text") -> list[Taken]:
        """Takes accounts into the pool, in any form that an accounts file may have; what became of each of them.

        `kind` is that of those which are written without one, `source` names the text in places. A token alone takes
        the place of one of the same login that was added before and is dead or banned, and so does an entry that has
        the name of such an account; all else of that stays. What was added is on disk when this returns. Raises
        `AccountsError` for a text in no form that is known, and `Unreadable` in a process with the wrong keys.
        """
        return self._taking.take(text, kind, source, self._configured())

    def pause(self, name: str) -> Seen:
        """Sets it aside. Answers that are running run on."""
        before = self._hands.pause(name)
        if before in {State.DEAD, State.BANNED}:
            raise Refused(f"account {name} is {before} and serves nobody: there is nothing to pause")
        return self._changed(name, before is not None)

    def resume(self, name: str) -> Seen:
        """One that was paused serves again, and is refreshed at once."""
        before = self._hands.resume(name)
        if before in {State.DEAD, State.BANNED}:
            raise Refused(f"account {name} is {before} and not paused: clear it to have its token tried anew")
        return self._changed(name, before is not None)

    def clear(self, name: str) -> Seen:
        """Forgets its rests, failures and refused models; one that is dead or banned is tried anew at once."""
        self._operators(name)
        return self._changed(name, self._hands.clear(name) is not None)

    def edit(self, name: str, limits: Limits) -> Seen:
        """Changes limits; for an account of the accounts file until its entry there changes.

        Raises `Unreadable` in a process with the wrong keys.
        """
        self._canary.look()
        account = self._operators(name).account
        changes = asdict(limits)
        try:
            account_entries.limited(account, changes)
        except EntryError as error:
            raise Refused(str(error)) from None
        try:
            is_there = self._hands.edit(name, lambda now: account_entries.limited(now, changes))
        except Unreadable:
            raise _unreadable(name) from None
        return self._changed(name, is_there)

    def delete(self, name: str) -> None:
        """Takes it out for good. What became of its token is kept for 90 days, should it be added again."""
        match self._hands.delete(name):
            case Deleted.UNKNOWN:
                raise _unknown(name)
            case Deleted.CONFIGURED:
                raise Refused(f"account {name} {_OF_THE_FILE}")

    def refresh(self, name: str, patience: float) -> Renewal:
        """Has its token exchanged, or its key tried, at once; waits up to `patience` seconds for what comes of it."""
        (renewal,) = self.refresh_all([name], patience)
        return renewal

    def refresh_all(self, names: Sequence[str], patience: float) -> Iterator[Renewal]:
        """The same for several at once, of which each is told as soon as it is known. All are looked at first."""
        for name in names:
            self._renewing.check(self._readable(name))
        return self._renewing.run(names, patience)

    def export(self, names: Collection[str] | None = None) -> Exported:
        """An accounts file of the accounts with `names`, or of all, with the newest of their credentials.

        Those of clients are left out, and so are those that were taken out, and those of all that no key opens; the
        file says so of these. Raises `Unreadable` where no key opens any.
        """
        records = self._configured() if names is None else [self._operators(name) for name in names]
        opened = self._aside(lambda: _opened(records))
        left = tuple(opened.left)
        if left and names is not None:
            raise _unreadable(left[0])
        if left and not opened.there:  # these are the wrong keys altogether
            raise opened.left[left[0]]
        text = self._aside(lambda: accounts_append.rendered(opened.there))
        note = f"# left out, for no key of TOKEN_ENCRYPTION_KEYS opens them: {', '.join(left)}\n" if left else ""
        return Exported(note + text, left)

    def _configured(self) -> list[Record]:
        """Those of the operator that are in the pool."""
        return [each for each in self._members.all() if each.configured and each.origin is not Origin.CLIENT]

    def _operators(self, name: str) -> Record:
        """One of the operator's own."""
        record = self.get(name)
        if record.origin is Origin.CLIENT:
            raise Refused(f"account {name} {_OF_A_CLIENT}")
        if not record.configured:
            raise _removed(name)
        return record

    def _readable(self, name: str) -> Record:
        """The same, of which the secrets can be opened."""
        record = self._operators(name)
        if not record.is_readable:
            raise _unreadable(name)
        return record

    def _changed(self, name: str, is_there: bool) -> Seen:
        """The account as it is now; `is_there` is false where it was not configured any more."""
        record = self.get(name)
        if not is_there:
            raise _removed(name)
        return record


def _unknown(name: str) -> NoSuchAccount:
    return NoSuchAccount(f"there is no account {redact(name)}")  # it could be a token


def _removed(name: str) -> Refused:
    return Refused(f"account {name} was taken out of the accounts file: write it there again, or delete it")


def _unreadable(name: str) -> Refused:
    return Refused(f"account {name} {UNREADABLE}")


def _opened(records: Sequence[Record]) -> _Opened:
    opened = _Opened([], {})
    for record in records:
        try:
            record.unseal()
            opened.there.append(ConfiguredAccount(record.account, record.refresh))
        except Unreadable as error:
            opened.left[record.account.name] = error
    return opened


def _is_shown(record: Record) -> bool:
    """What was added by hand, or brought along, and deleted is kept for a while for its credential alone."""
    return record.configured or record.origin is Origin.FILE
