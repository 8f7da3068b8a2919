"""Keeping the pool's accounts in line with what the operator configured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import structlog

from kimi.accounts import ConfiguredAccount
from kimi.accounts_file import AccountsError
from kimi.pool import Members
from refresher.accounts_source import AccountsSource
from refresher.memory import Memory

log = structlog.stdlib.get_logger("refresher")

_NAMES_SHOWN = 20  # in a line of the log
CHECK_SECONDS = 2.0  # a change is taken once two checks in a row have seen it


class Roster:
    """Takes changes of the accounts file into the pool. Every method may raise `StoreUnavailable`.

    A store that has lost everything gets the refresh tokens in `memory`, for what the file holds is spent. `added` is
    told the names of accounts that were not there.
    """

    def __init__(
        self,
        source: AccountsSource,
        members: Members,
        memory: Memory,
        *,
        clock: Callable[[], float],
        added: Callable[[Sequence[str]], object] = lambda _: None,
    ) -> None:
        self._added = added
        self._source = source
        self._members = members
        self._memory = memory
        self._clock = clock
        self._configured: tuple[ConfiguredAccount, ...] = ()
        self._stale = False  # whether the store is behind, and with which of them: None is all
        self._only: frozenset[str] | None = frozenset()
        self._deferred: tuple[str, ...] = ()
        self._unreadable: tuple[str, ...] = ()
        self._next_check = 0.0
        self._turn = 0

    def start(self) -> None:
        """Take all configured accounts into the pool. Raises `AccountsError`."""
        self._configured = self._source.load()
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
        if self._source.changed():
            self._reload()
        if self._stale:
            self._sync(self._only)
        elif self._one_is_missing():
            self._sync()
        elif self._deferred:
            self._sync(self._deferred)

    def _reload(self) -> None:
        """Read the file. Of ten thousand accounts those are entered that are not as they were, and no others."""
        before = {member.account.name: member for member in self._configured}
        try:
            self._configured = self._source.load()
        except AccountsError as error:
            log.error("accounts file is not taken, the accounts stay as they are", error=str(error))  # noqa: TRY400
            return
        self._stale = True  # also where some are only gone
        if self._only is not None:
            changed = {each.account.name for each in self._configured if each != before.get(each.account.name)}
            self._only = self._only.union(changed, self._deferred, self._unreadable)

    def _sync(self, only: Collection[str] | None = None) -> None:
        self._stale, self._only = True, None if only is None else frozenset(only)  # the store may fail half-way
        report = self._members.sync(self._configured, rotated=self._memory.latest, only=only)
        self._added(report.added)
        self._stale, self._only = False, frozenset()
        self._deferred, self._unreadable = report.deferred, report.unreadable
        if report.unreadable:
            log.warning(
                "accounts are not taken, for no key of TOKEN_ENCRYPTION_KEYS opens their proxies: add the one that "
                "they were sealed with, behind the others",
                accounts=_shown(report.unreadable),
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

    def _one_is_missing(self) -> bool:
        """Whether the store has lost an account; each check looks for one of them, in turn.

        Only then is everything synced anew: replicas whose mounted file changes at different moments would otherwise
        overwrite each other's credentials.
        """
        if not self._configured:
            return False
        self._turn = (self._turn + 1) % len(self._configured)
        name = self._configured[self._turn].account.name
        record = self._members.get(name)
        if record is not None:
            self._memory.consider(record)  # should the word of its death have been lost
        return record is None and name not in self._deferred


def _shown(names: Sequence[str]) -> str:
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
