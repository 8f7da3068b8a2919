"""Accounts of the file that the store has lost, or of which it has gone back to an older state."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from math import inf
from typing import Final

import structlog

from kimi.accounts import ConfiguredAccount, Origin, Record
from kimi.listing import first_of
from kimi.pool import Members
from kimi.pool.fingerprints import fingerprint
from kimi.pool.hashes import PAGE
from kimi.pool.members import SyncReport
from refresher.memory import Memory
from refresher.standing import Standing, has_left_before, is_as, was_in_service

log = structlog.stdlib.get_logger("refresher")

AT_ONCE: Final = 3 * PAGE
"""Accounts that are looked at, and entered where they are lost, in one check: a tenth of a second."""
BEHIND_SECONDS: Final = 180.0
"""So long nothing is said of accounts that another refresher has otherwise: a mounted file is behind for less."""


class Healing:
    """Brings what the store has lost to what is remembered of it. Every method may raise `StoreUnavailable`.

    What is not there is entered again, where it was in service with the secret of the file, and so is what is not as it
    was when it was read last, where the file has it as it was. What is there again although it had left is withdrawn
    again, where the file says that it is none of those. What differs from the file otherwise comes from another
    refresher, whose file has changed since, or from the operator: it stays, and is told.

    `entered` is told what became of those that were lost, and their names.
    """

    def __init__(
        self,
        members: Members,
        memory: Memory,
        *,
        entered: Callable[[SyncReport, Collection[str]], object],
        clock: Callable[[], float],
    ) -> None:
        self._members = members
        self._memory = memory
        self._entered = entered
        self._clock = clock
        self._wanted: Mapping[str, ConfiguredAccount] = {}
        self._named: Collection[str] | None = None
        self._losses = 0
        # To be looked at, and how they stood, where they stand another way.
        self._unhealed: dict[str, Standing | None] = {}
        self._waiting: set[str] = set()  # those of them that are being exchanged
        self._apart: dict[str, float] = {}  # wanted, but others have them otherwise, since when; told: `inf`
        self._turn = 0

    @property
    def apart(self) -> Collection[str]:
        """Those that others have otherwise, as far as they were looked at."""
        return self._apart.keys()

    @property
    def is_busy(self) -> bool:
        """Whether there is more to be looked at now."""
        return len(self._unhealed) > len(self._waiting)

    def expect(self, wanted: Mapping[str, ConfiguredAccount], named: Collection[str] | None) -> None:
        """These have to be in service, by name; `named` are all of the file, None where that says nothing of it."""
        self._wanted, self._named = wanted, named

    def begin_anew(self) -> None:
        """All were brought in line with the file."""
        self._apart.clear()

    def check(self) -> None:
        """Look for what is lost, and at what differs: at a page in turn, and at all behind a loss."""
        standings = self._memory.standings
        before = {name: was for name, was in self._unhealed.items() if was is not None}
        if self._losses != standings.losses:
            self._losses = standings.losses
            self._unhealed, self._waiting = dict.fromkeys([*before, *self._wanted]), set()
            self._apart = dict.fromkeys(self._apart, self._clock())  # it is told anew
        behind = standings.behind()
        stood = behind | before  # how they stood first counts
        self._unhealed = {**behind, **self._unhealed, **stood}  # those first, for each may be exchanged any moment
        if not self._unhealed and self._some_are_missing():
            self._unhealed = dict.fromkeys(self._wanted)
        if self._unhealed:
            self._heal()

    def _heal(self) -> None:
        """In some pages a turn, for no refresh begins meanwhile."""
        page = dict(islice(self._unhealed.items(), AT_ONCE))
        there = {record.account.name: record for record in self._members.some([*page])}
        pairs = [(there[name], was) for name, was in page.items() if was is not None and name in there]
        back = [record for record, was in pairs if self._has_left(record, was)]
        undone = [record for record, was in pairs if self._is_undone(record, was)]
        # Before any is entered, for another of them may have that secret from now on.
        others = [each for each in undone if each.configured and self._has_another_secret(each)]
        waiting = {*self._withdraw(back), *self._members.withdraw(each.account.name for each in others)}
        again = {each.fingerprint for each in (*back, *others) if each.account.name not in waiting}
        lost = self._lost_of([name for name in page if name not in there])
        lost |= {each.account.name for each in undone} - waiting
        if again:  # another name has their secrets, perhaps
            lost |= {name for name, member in self._wanted.items() if fingerprint(member.secret) in again}
        if lost:
            report = self._members.enter([self._wanted[name] for name in sorted(lost)], rotated=self._memory.latest)
            waiting |= {*report.deferred}
            self._entered(report, lost)
        for name in page:
            was = self._unhealed.pop(name)
            if name in waiting:
                self._unhealed[name] = was  # behind the others
        self._unhealed |= {name: None for name in waiting if name not in self._unhealed}
        self._waiting = self._waiting.difference(page) | waiting

    def _has_left(self, record: Record, was: Standing) -> bool:
        is_mine_to_say = self._named is not None and record.account.name not in self._named
        return is_mine_to_say and record.origin is Origin.FILE and has_left_before(record, was)

    def _withdraw(self, back: Sequence[Record]) -> list[str]:
        """Those of them that stay for now, for they are being exchanged."""
        names = [record.account.name for record in back]
        stay = self._members.withdraw(names)
        if gone := [name for name in names if name not in stay]:
            log.warning(
                "the store has gone back to when accounts were there that were taken out since, they are taken out "
                "again",
                accounts=first_of(gone),
            )
        return stay

    def _is_undone(self, record: Record, was: Standing) -> bool:
        """Whether it is not as it was, which was as the file has it."""
        member = self._wanted.get(record.account.name)
        if member is None or not was.is_of(member):
            return False
        return was_in_service(record, was) or (record.configured and not is_as(record, member))

    def _has_another_secret(self, record: Record) -> bool:
        return record.fingerprint != fingerprint(self._wanted[record.account.name].secret)

    def _some_are_missing(self) -> bool:
        """Whether the store has lost accounts, though nobody has seen it; each check looks at a page of them, in turn.

        Those that others have otherwise are told, and left to them: replicas whose mounted file changes at different
        moments would otherwise overwrite each other's accounts.
        """
        self._turn = self._turn if self._turn < len(self._wanted) else 0
        page = dict.fromkeys([*islice(self._wanted, self._turn, self._turn + PAGE), *islice(self._apart, PAGE)])
        self._turn += PAGE
        records = self._members.some([name for name in page if name in self._wanted])
        for record in records:
            self._memory.consider(record)  # should the word of its death have been lost
        there = {record.account.name for record in records}
        gone = [name for name in page if name not in there and name not in self._apart]
        lost = self._lost_of(gone)
        self._see(records, [name for name in gone if name not in lost])
        return bool(lost)

    def _lost_of(self, gone: Sequence[str]) -> set[str]:
        """Which of those that are not there were in service with the secret of the file, and nobody has taken out."""
        mine = [self._wanted[name] for name in gone if name in self._wanted and self._had_this_secret(name)]
        return {member.account.name for member in mine} - self._members.traced(mine)

    def _had_this_secret(self, name: str) -> bool:
        was = self._memory.standings[name]
        return was is None or (was.configured and was.fingerprint == fingerprint(self._wanted[name].secret))

    def _see(self, records: Sequence[Record], gone: Sequence[str]) -> None:
        """Takes note of what others have otherwise, and tells it once it is no mere delay."""
        now = self._clock()
        for record in records:
            if is_as(record, self._wanted[record.account.name]):
                self._apart.pop(record.account.name, None)
            else:
                self._apart.setdefault(record.account.name, now)
        for name in gone:
            self._apart.setdefault(name, now)
        late = [name for name, since in self._apart.items() if now - since >= BEHIND_SECONDS]
        self._apart |= dict.fromkeys(late, inf)
        if late:
            log.error(
                "accounts are not in service as the accounts file of this refresher has them: another one has changed "
                "or taken them out since, or Redis has gone back; they stay so: see that all have the same file, or "
                "save this one again",
                accounts=first_of(late),
            )
