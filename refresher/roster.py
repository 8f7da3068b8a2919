"""Keeping the pool's accounts in line with what the operator configured."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import Final

import structlog

from kimi.accounts import ConfiguredAccount, Record
from kimi.accounts_file import AccountsError, NotRead
from kimi.listing import first_of
from kimi.pool import Members
from kimi.pool.hashes import PAGE
from refresher.accounts_source import AccountsSource, NothingSaid
from refresher.memory import Memory

log = structlog.stdlib.get_logger("refresher")

_NAMES_SHOWN: Final = 20  # in a line of the log
_MANY: Final = 20  # accounts, of which half do not go unseen
CHECK_SECONDS: Final = 2.0
"""A change is taken once two checks in a row have seen it."""
HEAL_SECONDS: Final = 180.0
"""How long accounts stay out that another refresher has taken out: longer than one is behind whose file is mounted."""


class Roster:
    """Takes changes of the accounts file into the pool. Every method may raise `StoreUnavailable`.

    A store that has lost everything gets the refresh tokens in `memory`, for what the file holds is spent. `added` is
    told the names of accounts that were not there, `losses` tells how often the store was seen to have lost something.
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
        self._load = partial(source.load, members.has_some)
        self._beside = beside
        self._reading: Future[tuple[ConfiguredAccount, ...]] | None = None
        self._source = source
        self._members = members
        self._memory = memory
        self._clock = clock
        self._configured: tuple[ConfiguredAccount, ...] | None = None  # nothing has said which
        self._stale = False  # whether the store is behind, and with which of them: None is all
        self._only: frozenset[str] | None = frozenset()
        self._deferred: tuple[str, ...] = ()
        self._left_out: frozenset[str] = frozenset()  # until the file changes again
        self._refused = ""  # why the file was not taken the last time
        self._lost = 0  # so often the store has lost something
        self._names: list[str] = []  # of the accounts that have to be in service
        self._out: dict[str, float] = {}  # those of them that somebody has taken out, and since when
        self._next_check = 0.0
        self._turn = 0

    def start(self) -> None:
        """Take all configured accounts into the pool. Raises `AccountsError`.

        Where nothing says which those are, while the pool has some, they stay and are looked after as they are.
        """
        try:
            self._configured = self._load()
        except NothingSaid as error:
            self._refuse(error)
            return
        self._sync(self._configured)
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
        if self._configured is None:
            return
        if self._lost != (lost := self._losses()):
            self._lost, self._stale, self._only = lost, True, None
        if self._stale:
            self._sync(self._configured, self._only)
        elif self._is_behind():
            self._sync(self._configured)
        elif self._deferred:
            self._sync(self._configured, self._deferred)

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
        before = {member.account.name: member for member in self._configured or ()}
        try:
            self._configured = load()
        except AccountsError as error:
            self._refuse(error)
            return
        self._refused = ""
        self._stale = True  # also where some are only gone
        if self._only is not None:
            changed = {each.account.name for each in self._configured if each != before.get(each.account.name)}
            self._only = self._only.union(changed, self._deferred, self._left_out)

    def _refuse(self, error: AccountsError) -> None:
        is_told = isinstance(error, NotRead) and str(error) == self._refused  # it is tried again and again
        self._refused = str(error)
        if not is_told:
            log.error("accounts file is not taken, the accounts stay as they are", error=str(error))

    def _sync(self, configured: Sequence[ConfiguredAccount], only: Collection[str] | None = None) -> None:
        self._stale, self._only = True, None if only is None else frozenset(only)  # the store may fail half-way
        report = self._members.sync(configured, rotated=self._memory.latest, only=only)
        self._added(report.added)
        self._stale, self._only = False, frozenset()
        others = frozenset() if only is None else self._left_out.difference(only)
        self._left_out = others.union(report.unreadable, report.elsewhere)
        self._deferred = report.deferred
        missing = self._left_out.union(report.deferred)
        self._names = [each.account.name for each in configured if each.account.name not in missing]
        self._out.clear()
        if report.unreadable:
            log.warning(
                "accounts are not taken, for no key of TOKEN_ENCRYPTION_KEYS opens their proxies: add the one that "
                "they were sealed with, behind the others",
                accounts=_shown(report.unreadable),
            )
        if report.elsewhere:
            log.error("accounts are not taken that another pool has", error=told_of_pools(report.elsewhere))
        kept, removed = len(configured) - len(report.added), len(report.removed)
        if removed > kept and removed + kept >= _MANY:
            log.warning(
                "most accounts have left the accounts file: should that be a mistake, write them there again, for "
                "nothing of them is forgotten yet",
                removed=removed,
                kept=kept,
            )
        log.info(
            "accounts taken",
            configured=len(configured),
            added=_shown(report.added),
            updated=_shown(report.updated),
            revived=_shown(report.revived),
            removed=_shown(report.removed),
            deferred=_shown(report.deferred),
        )

    def _is_behind(self) -> bool:
        """Whether accounts are not in the store as they should be; each check looks at a page of them, in turn.

        Only then is everything synced anew: replicas whose mounted file changes at different moments would otherwise
        overwrite each other's credentials.
        """
        self._turn = self._turn if self._turn < len(self._names) else 0
        page = dict.fromkeys([*self._names[self._turn : self._turn + PAGE], *list(self._out)[:PAGE]])
        self._turn += PAGE
        records = self._members.some([*page])
        for record in records:
            self._memory.consider(record)  # should the word of its death have been lost
        return len(records) < len(page) or self._were_taken_out(records)

    def _were_taken_out(self, records: Sequence[Record]) -> bool:
        """Whether another refresher has taken out some of these for good."""
        now = self._clock()
        for record in records:
            if record.configured:
                self._out.pop(record.account.name, None)
            else:
                self._out.setdefault(record.account.name, now)
        gone = [name for name, since in self._out.items() if now - since >= HEAL_SECONDS]
        if gone:
            log.error(
                "another refresher has taken out accounts that stand in the accounts file of this one, they are "
                "entered again: see that both have the same file",
                accounts=_shown(gone),
            )
        return bool(gone)


def told_of_pools(elsewhere: Mapping[str, str]) -> str:
    """That accounts, by name, stand in pools whose names stand at theirs; and what to do."""
    pools = ", ".join(sorted(set(elsewhere.values())))
    return (
        f"the pool {pools} in this Redis has {_shown([*elsewhere])}, so that the tokens that are written here may be "
        "spent: let KIMI_POOL be what it was, or move the accounts as docs/guides/operating.md says"
    )


def _shown(names: Sequence[str]) -> str:
    return first_of(names, _NAMES_SHOWN)
