"""Keeping the pool's accounts in line with what the operator configured."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from itertools import islice
from math import inf
from typing import Final

import structlog

from kimi.accounts import ConfiguredAccount, Record
from kimi.accounts_file import AccountsError, NotRead
from kimi.listing import first_of
from kimi.pool import Members
from kimi.pool.fingerprints import fingerprint
from kimi.pool.hashes import PAGE
from kimi.pool.members import SyncReport
from refresher.accounts_source import AccountsSource
from refresher.memory import Memory

log = structlog.stdlib.get_logger("refresher")

_NAMES_SHOWN: Final = 20  # in a line of the log
_MANY: Final = 20  # accounts, of which half do not go unseen
AT_ONCE: Final = 10 * PAGE
"""Accounts that are looked at in one check behind a loss: a tenth of a second."""
CHECK_SECONDS: Final = 2.0
"""A change is taken once two checks in a row have seen it."""
BEHIND_SECONDS: Final = 180.0
"""So long nothing is said of accounts that another refresher has otherwise: a mounted file is behind for less."""


class Roster:
    """Takes changes of the accounts file into the pool. Every method may raise `StoreUnavailable`.

    Only a file that was read and says which accounts there are takes some out. Of several refreshers whose files differ
    the one has its way whose file has changed last, and the others say so. What was taken out is not entered again, but
    what the store has lost is, with the refresh tokens in `memory`, for what the file holds is spent.

    `added` is told the names of accounts that were not there, `losses` how often the store was seen to have lost
    something.
    Ten thousand accounts take a second and a half to read, so that it is done `beside` where that is given.
    """

    def __init__(
        self,
        source: AccountsSource,
        members: Members,
        memory: Memory,
        *,
        added: Callable[[Sequence[str]], object] = lambda _: None,
        losses: Callable[[], int] = lambda: 0,
        beside: Executor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._added = added
        self._losses = losses
        self._load = partial(source.load, members.has_others)
        self._beside = beside
        self._reading: Future[tuple[ConfiguredAccount, ...]] | None = None
        self._source = source
        self._members = members
        self._memory = memory
        self._clock = clock
        self._configured: tuple[ConfiguredAccount, ...] = ()
        self._stale = False  # whether the file has changed, and with which of them: None is all
        self._only: frozenset[str] | None = frozenset()
        self._deferred: tuple[str, ...] = ()
        self._left_out: frozenset[str] = frozenset()  # until the file changes again
        self._refused = ""  # why the file was not taken the last time
        self._lost = 0  # so often the store has lost something
        self._unhealed: list[str] = []  # accounts that have to be looked at, for the store may have lost them
        self._missing: set[str] = set()  # those that it has lost, as far as they were looked at
        self._wanted: dict[str, ConfiguredAccount] = {}  # the accounts that have to be in service
        self._apart: dict[str, float] = {}  # those of them that others have otherwise, since when; told: `inf`
        self._next_check = 0.0
        self._turn = 0

    def start(self) -> None:
        """Take all configured accounts into the pool. Raises `AccountsError` where that has none.

        Where it has some, and the file does not say which those are, they stay and are looked after as they are.
        """
        try:
            self._configured = self._load()
        except AccountsError as error:
            if not self._members.has_others():
                raise
            self._refuse(error)
            self._only = None  # once it says so
            self._configured = self._source.bare
            if self._configured:
                self._enter()
            return
        self._sync()
        if not self._configured:
            log.warning(
                f"no accounts yet: write them to {self._source.path}, or set KIMI_REFRESH_TOKENS and start again"  # noqa: G004
            )

    def check(self) -> None:
        """Take what has changed since the last check. Cheap, and does nothing before the next one is due."""
        now = self._clock()
        if now < self._next_check:
            return
        self._next_check = now + CHECK_SECONDS
        self._look_at_file()
        if self._lost != (lost := self._losses()):
            self._lost, self._unhealed, self._missing = lost, [*self._wanted], set()
        if self._stale:
            self._sync(self._only)
        elif self._unhealed:
            self._heal()
        elif self._has_lost_some():
            self._unhealed = [*self._wanted]
            self._heal()
        elif self._deferred:
            self._sync(self._deferred)

    def _look_at_file(self) -> None:
        if self._reading is not None:
            if self._reading.done():
                reading, self._reading = self._reading, None
                self._reload(reading.result)
        elif self._source.changed():
            if self._beside is None:
                self._reload(self._load)
            else:
                self._reading = self._beside.submit(self._load)

    def _reload(self, load: Callable[[], tuple[ConfiguredAccount, ...]]) -> None:
        """Take what `load` tells. Of ten thousand accounts those are entered that are not as they were, no others."""
        before = {member.account.name: member for member in self._configured}
        try:
            self._configured = load()
        except AccountsError as error:
            self._refuse(error)
            return
        self._refused = ""
        self._stale = True  # also where some are only gone
        if self._only is not None:
            changed = {each.account.name for each in self._configured if each != before.get(each.account.name)}
            self._only = self._only.union(changed, self._deferred, self._left_out, self._apart)

    def _refuse(self, error: AccountsError) -> None:
        is_told = isinstance(error, NotRead) and str(error) == self._refused  # it is tried again and again
        self._refused = str(error)
        if not is_told:
            log.error("accounts file is not taken, the accounts stay as they are", error=str(error))

    def _sync(self, only: Collection[str] | None = None) -> None:
        """Bring the pool in line with the file."""
        self._stale, self._only = True, None if only is None else frozenset(only)  # the store may fail half-way
        report = self._members.sync(self._configured, rotated=self._memory.latest, only=only)
        self._stale, self._only, self._deferred = False, frozenset(), report.deferred
        self._apart.clear()
        self._take(report, only)

    def _enter(self, only: Collection[str] | None = None) -> SyncReport:
        """Enter accounts without taking any out."""
        report = self._members.sync(self._configured, rotated=self._memory.latest, only=only, withdraws=False)
        self._take(report, only)
        return report

    def _take(self, report: SyncReport, only: Collection[str] | None) -> None:
        self._added(report.added)
        others = frozenset() if only is None else self._left_out.difference(only)
        self._left_out = others.union(report.unreadable, report.elsewhere)
        missing = self._left_out.union(self._deferred)
        self._wanted = {each.account.name: each for each in self._configured if each.account.name not in missing}
        if report.unreadable:
            log.warning(
                "accounts are not taken, for no key of TOKEN_ENCRYPTION_KEYS opens their proxies: add the one that "
                "they were sealed with, behind the others",
                accounts=_shown(report.unreadable),
            )
        if report.elsewhere:
            log.error(
                "accounts are not taken that another pool has: once it has them no more, save the accounts file again",
                error=told_of_pools(report.elsewhere),
            )
        kept, removed = len(self._configured) - len(report.added), len(report.removed)
        if removed > kept and removed + kept >= _MANY:
            log.warning(
                "most accounts have left the accounts file: should that be a mistake, write them there again, for "
                "nothing of them is forgotten yet",
                removed=removed,
                kept=kept,
            )
        log.info(
            "accounts taken",
            configured=len(self._configured),
            added=_shown(report.added),
            updated=_shown(report.updated),
            revived=_shown(report.revived),
            removed=_shown(report.removed),
            deferred=_shown(report.deferred),
        )

    def _heal(self) -> None:
        """Enter what the store has lost, or no longer has as the file says while it had it so before.

        That is looked for in some pages a turn, for no refresh begins meanwhile, and entered once all were looked at.
        """
        page, rest = self._unhealed[:AT_ONCE], self._unhealed[AT_ONCE:]
        wanted = {name: self._wanted[name] for name in page if name in self._wanted and name not in self._apart}
        there = {record.account.name: record for record in self._members.some([*wanted])}
        lost = self._lost_of([member for name, member in wanted.items() if name not in there])
        lost |= {name for name, record in there.items() if record.configured and not _is_as(record, wanted[name])}
        self._missing |= lost
        if rest:
            self._unhealed, self._next_check = rest, self._clock()
            return
        deferred = self._enter(self._missing).deferred if self._missing else ()
        self._unhealed, self._missing = [*deferred], set()

    def _has_lost_some(self) -> bool:
        """Whether the store has lost accounts; each check looks at a page of them, in turn.

        Those that others have otherwise are told, and left to them: replicas whose mounted file changes at different
        moments would otherwise overwrite each other's accounts.
        """
        self._turn = self._turn if self._turn < len(self._wanted) else 0
        page = dict.fromkeys([*islice(self._wanted, self._turn, self._turn + PAGE), *islice(self._apart, PAGE)])
        self._turn += PAGE
        records = self._members.some([*page])
        for record in records:
            self._memory.consider(record)  # should the word of its death have been lost
        there = {record.account.name for record in records}
        gone = {name: self._wanted[name] for name in page if name not in there and name not in self._apart}
        lost = self._lost_of([*gone.values()])
        self._see(records, [name for name in gone if name not in lost])
        return bool(lost)

    def _lost_of(self, gone: Sequence[ConfiguredAccount]) -> set[str]:
        """Which of those that are not there nobody has taken out, by name."""
        return {member.account.name for member in gone} - self._members.traced(gone)

    def _see(self, records: Sequence[Record], deleted: Sequence[str]) -> None:
        """Takes note of what others have otherwise, and tells it once it is no mere delay."""
        now = self._clock()
        for record in records:
            if record.configured and _has_secret(record, self._wanted[record.account.name]):
                self._apart.pop(record.account.name, None)
            else:
                self._apart.setdefault(record.account.name, now)
        for name in deleted:
            self._apart.setdefault(name, now)
        late = [name for name, since in self._apart.items() if now - since >= BEHIND_SECONDS]
        self._apart |= dict.fromkeys(late, inf)
        if late:
            log.error(
                "another refresher has taken out accounts that stand in the accounts file of this one, or has other "
                "tokens for them, so that they stay as that has them: see that both have the same file, or save this "
                "one again",
                accounts=_shown(late),
            )


def _has_secret(record: Record, member: ConfiguredAccount) -> bool:
    return record.fingerprint == fingerprint(member.secret)


def _is_as(record: Record, member: ConfiguredAccount) -> bool:
    return _has_secret(record, member) and record.account == member.account


def told_of_pools(elsewhere: Mapping[str, str]) -> str:
    """That accounts, by name, stand in pools whose names stand at theirs; and what to do."""
    pools = ", ".join(sorted(set(elsewhere.values())))
    return (
        f"the pool {pools} in this Redis has {_shown([*elsewhere])}, so that the tokens that are written here may be "
        "spent: let KIMI_POOL be what it was, or move the accounts as docs/guides/operating.md says"
    )


def _shown(names: Sequence[str]) -> str:
    return first_of(names, _NAMES_SHOWN)
