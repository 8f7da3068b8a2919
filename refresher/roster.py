"""Keeping the pool's accounts in line with what the operator configured."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import Final

import structlog

from kimi.accounts import ConfiguredAccount
from kimi.accounts_file import AccountsError, NotRead
from kimi.listing import first_of
from kimi.pool import Members
from kimi.pool.members import SyncReport
from refresher.accounts_source import AccountsSource
from refresher.healing import Healing
from refresher.memory import Memory

log = structlog.stdlib.get_logger("refresher")

_MANY: Final = 20  # accounts, of which half do not go unseen
CHECK_SECONDS: Final = 2.0
"""A change is taken once two checks in a row have seen it."""


class Roster:
    """Takes changes of the accounts file into the pool. Every method may raise `StoreUnavailable`.

    Only a file that was read and says which accounts there are takes some out. Of several refreshers whose files differ
    the one has its way whose file has changed last, and the others say so. What was taken out is not entered again, but
    what the store has lost is, with the refresh tokens in `memory`, for what the file holds is spent: see `Healing`.

    `added` is told the names of accounts that were not there.
    Ten thousand accounts take a second and a half to read, so that it is done `beside` where that is given.
    """

    def __init__(
        self,
        source: AccountsSource,
        members: Members,
        memory: Memory,
        *,
        added: Callable[[Sequence[str]], object] = lambda _: None,
        beside: Executor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._added = added
        self._load = partial(source.load, members.has_others)
        self._beside = beside
        self._reading: Future[tuple[ConfiguredAccount, ...]] | None = None
        self._source = source
        self._members = members
        self._memory = memory
        self._clock = clock
        self._configured: tuple[ConfiguredAccount, ...] = ()
        self._stale = False  # whether the file has changed
        self._only: frozenset[str] | None = frozenset()  # in which accounts; None is all
        self._deferred: tuple[str, ...] = ()
        self._left_out: frozenset[str] = frozenset()  # until the file changes again
        self._refused = ""  # why the file was not taken the last time
        self._is_said = False  # by a file, which accounts there are
        self._healing = Healing(members, memory, entered=self._take, clock=clock)
        self._next_check = 0.0

    def start(self) -> None:
        """Take all configured accounts into the pool. Raises `AccountsError` where that has none.

        Where it has some, and the file does not say which those are, they stay and are looked after as they are.
        """
        try:
            self._configured = self._load()
        except AccountsError as error:
            if not self._members.serves_any():
                raise
            self._refuse(error)
            self._only = None  # once it says so
            self._configured = self._source.bare
            if self._configured:
                self._take(self._members.enter(self._configured, rotated=self._memory.latest), None)
            return
        self._is_said = True
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
        if self._stale:
            self._sync(self._only)
            return
        self._healing.check()
        if self._healing.is_busy:
            self._next_check = now
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
        self._is_said = True
        self._stale = True  # also where some are only gone
        if self._only is not None:
            changed = {each.account.name for each in self._configured if each != before.get(each.account.name)}
            self._only = self._only.union(changed, self._deferred, self._left_out, self._healing.apart)

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
        self._healing.begin_anew()
        self._take(report, only)

    def _take(self, report: SyncReport, only: Collection[str] | None) -> None:
        self._added(report.added)
        others = frozenset() if only is None else self._left_out.difference(only)
        self._left_out = others.union(report.unreadable, report.elsewhere)
        missing = self._left_out.union(self._deferred)
        named = {each.account.name: each for each in self._configured}
        wanted = {name: each for name, each in named.items() if name not in missing}
        self._healing.expect(wanted, named if self._is_said else None)
        if report.unreadable:
            log.warning(
                "accounts are not taken, for no key of TOKEN_ENCRYPTION_KEYS opens their proxies: add the one that "
                "they were sealed with, behind the others; or Redis holds of them what nobody understands: see "
                "`./dev doctor`",
                accounts=first_of(report.unreadable),
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
            added=first_of(report.added),
            updated=first_of(report.updated),
            revived=first_of(report.revived),
            removed=first_of(report.removed),
            deferred=first_of(report.deferred),
        )


def told_of_pools(elsewhere: Mapping[str, str]) -> str:
    """That accounts, by name, stand in pools whose names stand at theirs; and what to do."""
    pools = ", ".join(sorted(set(elsewhere.values())))
    return (
        f"the pool {pools} in this Redis has {first_of([*elsewhere])}, so that the tokens that are written here may be "
        "spent: let KIMI_POOL be what it was, or move the accounts as docs/guides/operating.md says"
    )
