"""Accounts that an operator brings along on their way into the pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from kimi.account_forms import AccountsError, Entry, entries
from kimi.accounts import ConfiguredAccount, Kind, Record
from kimi.operating.intake import Code, Holder, Intake, Outcome, Taken
from kimi.pool import Members, Store
from kimi.pool.canary import Canary
from kimi.pool.disk import until_on_disk
from kimi.pool.fingerprints import fingerprint
from kimi.pool.interventions import Entered, Interventions
from kimi.pool.neighbours import Neighbours

T = TypeVar("T")


class Aside(Protocol):
    """Does long work while its caller's process has other things to do, and returns what comes of it."""

    def __call__(self, work: Callable[[], T], /) -> T: ...


def at_once(work: Callable[[], T]) -> T:
    """For callers that have nothing else to do."""
    return work()


class Taking:
    """Takes accounts from texts; long work is handed `aside`."""

    def __init__(self, store: Store, aside: Aside) -> None:
        self._store = store
        self._aside = aside
        self._canary = Canary(store)
        self._members = Members(store)
        self._hands = Interventions(store)
        self._neighbours = Neighbours(store)

    def take(self, text: str, kind: Kind, source: str, there: Sequence[Record]) -> list[Taken]:
        """As `Accounts.add`, in view of those that are `there`."""
        self._canary.look()
        found = self._aside(lambda: _read(text, source, kind))
        if isinstance(found, AccountsError):
            raise found
        now = self._store.now()
        brought = [each.member for each in found if each.member is not None and each.member.account.kind.is_web]
        if brought:
            self._neighbours.look()
        elsewhere = self._neighbours.strangers([fingerprint(member.secret) for member in brought])
        intake = self._aside(lambda: Intake.beside(map(Holder.stored, there), now, elsewhere))
        taken = [self._take(entry, intake) for entry in found]
        if any(each.outcome is Outcome.ADDED for each in taken):
            until_on_disk(self._store)
        return taken

    def _take(self, entry: Entry, intake: Intake) -> Taken:
        taken, member = intake.consider(entry)
        if member is None:
            return taken
        if taken.outcome is Outcome.KNOWN:
            return self._bring_again(taken, member)
        match self._hands.enter(member):
            case Entered.KNOWN:
                return intake.known(entry, self._hands.holder(member.secret) or "that was added just now")
            case Entered.TAKEN:
                return intake.refuse(
                    entry, f"account {member.account.name} was added or changed just now: add it again"
                )
            case Entered.LATER:
                return intake.refuse(entry, "its credential is being exchanged just now: add it again in a minute")
        record = self._members.get(member.account.name)
        holder = Holder.of(member) if record is None else Holder.stored(record)
        intake.take(holder)
        return intake.known(entry, holder.name) if holder.is_sealed else taken  # what has become of it is no help

    def _bring_again(self, taken: Taken, member: ConfiguredAccount) -> Taken:
        """Its account cannot be opened. This helps with a key, and as long as nothing has become of a token."""
        self._hands.enter(member)
        record = self._members.get(taken.name)
        if record is None or not record.is_readable:
            return taken
        words = "no key opened it: this takes the place of its old credential"
        return replace(taken, outcome=Outcome.ADDED, code=Code.REPLACED, message=words)


def _read(text: str, source: str, kind: Kind) -> tuple[Entry, ...] | AccountsError:
    """The entries, or what is wrong with the whole: what is raised aside is taken for a mistake of ours there."""
    try:
        return entries(text, source, kind)
    except AccountsError as error:
        return error
