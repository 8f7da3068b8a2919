"""What the operator did to the pool itself, should the store lose it: no file can say it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Final

import structlog

from kimi.accounts import Account, Origin, Record, State
from kimi.errors import Unreadable
from kimi.listing import first_of
from kimi.pool import Members
from kimi.pool.changes import PAGE, Changes
from kimi.pool.interventions import Entered, Interventions
from kimi.pool.tokens import Credential
from refresher.memory import Memory
from refresher.standing import Standing, has_left_before, was_in_service

log = structlog.stdlib.get_logger("refresher")

CHECK_SECONDS: Final = 2.0
STEPS: Final = 10
"""So many pages of accounts are read in one check, in which no refresh begins: a tenth of a second."""
RESTORE_SECONDS: Final = 30.0
"""For so long an account that was lost is paused and limited again, whoever may have touched it."""


class Keepsakes:
    """Remembers accounts that were entered by hand, and of all others those that are paused or have edited limits.

    It lets the `memory` see the newest token of every account.
    What was deleted is kept in the store for a long time, so that whatever is not there at all was lost. Of several
    refreshers each remembers everything. Every method may raise `StoreUnavailable`.
    """

    def __init__(
        self,
        members: Members,
        changes: Changes,
        hands: Interventions,
        memory: Memory,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._members = members
        self._changes = changes
        self._hands = hands
        self._memory = memory
        self._standings = memory.standings
        self._clock = clock
        self._kept: dict[str, Record] = {}
        self._number = 0
        self._has_lost = False  # the store, and what was lost is not all back
        self._lost_until: dict[str, float] = {}  # those that it had lost, and how long they are looked after
        self._next_check = 0.0
        self._turn = 0

    def check(self) -> None:
        """Take note of what has changed, and bring back what was lost. Does nothing before the next one is due."""
        now = self._clock()
        if now < self._next_check:
            return
        self._next_check = now + CHECK_SECONDS
        if not self._read():
            self._next_check = now
        if self._has_lost or self._some_are_missing():
            self._enter_missing()
            self._has_lost = False

    def restore(self, names: Iterable[str]) -> None:
        """These came back from the accounts file: they are paused and limited again as they were."""
        self._restore_all([name for name in names if name in self._kept and self._kept[name].origin is Origin.FILE])

    def _restore_all(self, names: Sequence[str]) -> None:
        if names:
            log.warning(
                "the store has lost what was done to accounts by hand: they are paused and limited as they were",
                accounts=first_of(names),
            )
        for name in names:
            with suppress(Unreadable):  # that one alone
                self._restore(self._kept[name])

    def _read(self) -> bool:
        """Reads what has changed; whether that was all, for whoever waits must not wait long."""
        for _ in range(STEPS):
            found = self._changes.names(self._number)
            if found.latest < self._number:
                self._number, self._has_lost = 0, True
                self._standings.lost()
                self._lost_until = {}
                continue
            records = self._members.some(found.names)
            lost = self._undone_of(records)
            self._restore_all(lost)
            put_right = {*self._enter_left(records), *self._delete_again(records)}  # and read again
            self._take([record for record in records if record.account.name not in put_right], lost)
            self._number = found.number
            if found.number == found.latest:
                self._standings.met_all()
                return True
        return False

    def _undone_of(self, records: Sequence[Record]) -> list[str]:
        """Those that are not paused and limited as they were, for the store has lost it.

        Another refresher may have taken them from the accounts file anew, and know nothing of what was done. It may
        also spend an old token, for which they are dead until somebody brings the newest. So they are looked after for
        a while. One that is as it was when it is looked at first was not lost: what changes it later is done by hand.
        """
        lost, now = [], self._clock()
        for record in records:
            name, before = record.account.name, self._kept.get(record.account.name)
            is_first = self._standings.is_first(name)
            if before is None or not record.configured or record.origin is not before.origin:
                self._lost_until.pop(name, None)
                continue
            is_as_before = _is_as(record, before)
            # Versions never fall but where the store has lost something.
            if record.version < before.version or (is_first and not is_as_before):
                self._lost_until[name] = now + RESTORE_SECONDS
            if not is_as_before and now < self._lost_until.get(name, 0.0):
                lost.append(name)
        return lost

    def _take(self, records: Sequence[Record], lost: Sequence[str]) -> None:
        for record in records:
            self._memory.see(record)
        there = {record.account.name: record for record in records}
        self._kept |= {name: _as(there.pop(name), self._kept[name]) for name in lost}
        records = [*there.values()]
        worth = {record.account.name: record for record in records if _is_worth_it(record)}
        new = [name for name, record in worth.items() if record.origin is Origin.OPERATOR and name not in self._kept]
        for record in records:
            self._kept.pop(record.account.name, None)
        self._kept |= worth
        if new:
            log.info("accounts that were added by hand are remembered", accounts=len(new))

    def _some_are_missing(self) -> bool:
        """Whether the store has lost accounts; each check looks for a page of them, in turn."""
        self._turn = self._turn if self._turn < len(self._kept) else 0
        page = [*islice(self._kept, self._turn, self._turn + PAGE)]
        self._turn += PAGE
        return len(self._members.known(page)) < len(page)

    def _enter_missing(self) -> None:
        entered = [name for name, kept in self._kept.items() if kept.origin is Origin.OPERATOR]
        there = self._members.known(entered)
        self._enter_all([name for name in entered if name not in there])

    def _enter_left(self, records: Sequence[Record]) -> list[str]:
        """Those that have left are entered again where they were in service later."""
        left = self._behind(records, was_in_service)
        return self._enter_all([name for name in left if name in self._kept])

    def _enter_all(self, names: Sequence[str]) -> list[str]:
        back = [name for name in names if self._is_entered(self._kept[name])]
        if back:
            log.warning(
                "the store has lost accounts that were added by hand, they are entered again", accounts=len(back)
            )
        return back

    def _delete_again(self, records: Sequence[Record]) -> list[str]:
        """Those that had left, for whoever has them by now may have spent their tokens."""
        back = self._behind(records, has_left_before)
        if back:
            log.warning(
                "the store has gone back to when accounts were there that were deleted since, they are deleted again",
                accounts=first_of(back),
            )
        for name in back:
            self._hands.delete(name)
        return back

    def _behind(self, records: Sequence[Record], is_so: Callable[[Record, Standing], bool]) -> list[str]:
        """Those that were entered by hand and of which that is so, where the store has gone back behind it."""
        pairs = [(each, self._standings.before(each)) for each in records if each.origin is Origin.OPERATOR]
        return [record.account.name for record, was in pairs if was is not None and is_so(record, was)]

    def _is_entered(self, kept: Record) -> bool:
        """Enters it; one whose secrets cannot be opened keeps nobody from entering the others."""
        try:
            return self._enter(kept)
        except Unreadable:
            return False

    def _enter(self, kept: Record) -> bool:
        credential = Credential(kept.refresh, kept.version)
        later = self._memory.of(kept.fingerprint)
        newest = later if later is not None and later.version > credential.version else credential
        if self._hands.enter_again(kept.account, kept.fingerprint, newest) is not Entered.ADDED:
            return False
        self._restore(kept)
        return True

    def _restore(self, kept: Record) -> None:
        if _is_limited_by_hand(kept):
            self._hands.edit(kept.account.name, lambda account: _limited_as(account, kept.account))
        if kept.state is State.PAUSED:
            self._hands.pause(kept.account.name)


def _is_as(record: Record, kept: Record) -> bool:
    is_paused = record.state is State.PAUSED or kept.state is not State.PAUSED
    return is_paused and (not _is_limited_by_hand(kept) or record.account == _limited_as(record.account, kept.account))


def _is_limited_by_hand(kept: Record) -> bool:
    return kept.edited or kept.origin is Origin.OPERATOR


def _as(record: Record, kept: Record) -> Record:
    """The record as it should be."""
    return replace(record, state=kept.state, edited=kept.edited, account=_limited_as(record.account, kept.account))


def _is_worth_it(record: Record) -> bool:
    is_changed = record.edited or record.state is State.PAUSED
    return record.configured and (record.origin is Origin.OPERATOR or (record.origin is Origin.FILE and is_changed))


def _limited_as(account: Account, other: Account) -> Account:
    return replace(
        account,
        max_concurrency=other.max_concurrency,
        requests_per_minute=other.requests_per_minute,
        weight=other.weight,
        priority=other.priority,
    )
