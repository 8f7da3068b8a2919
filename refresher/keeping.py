"""Storing what the vendor gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from kimi.accounts import Record, State, Tokens
from kimi.errors import StoreUnavailable, Unreadable
from kimi.pool import Members, TokenStore
from kimi.pool.tokens import Credential
from refresher.memory import Memory
from refresher.outcomes import Outcome
from refresher.renewal import Renewed
from refresher.stopping import Stop

log = structlog.stdlib.get_logger("refresher")

_SAVE_AGAIN: Final = 0.2


class Keeping:
    """Stores fresh credentials; for its arguments see `Refreshing`."""

    def __init__(
        self,
        tokens: TokenStore,
        members: Members,
        memory: Memory,
        stop: Stop,
        *,
        pause: Callable[[float], object],
    ) -> None:
        self._tokens = tokens
        self._members = members
        self._memory = memory
        self._stop = stop
        self._pause = pause

    def keep(self, record: Record, renewed: Renewed, *, spent: str = "") -> Outcome:
        """Store what the vendor gave, whatever it takes: the old refresh token may be worth nothing any more.

        `spent` is that one where it is not the stored one; see `TokenStore.save`.
        """
        name = record.account.name
        told = False
        while True:
            try:
                return self._save(record, renewed, record.version + 1, spent)
            except StoreUnavailable as error:
                if not told:
                    told = True
                    log.error("fresh tokens are not stored yet", account=name, error=str(error))  # noqa: TRY400
            if not self._stop.is_set():
                self._stop.wait(_SAVE_AGAIN)
                continue
            if self._stop.is_over():
                log.critical("fresh tokens are LOST, the account may need a new refresh token", account=name)
                return Outcome.UNSAVED
            self._pause(_SAVE_AGAIN)

    def _save(self, record: Record, renewed: Renewed, version: int, spent: str) -> Outcome:
        name = record.account.name
        self._memory.remember(record.fingerprint, Credential(renewed.tokens.refresh, version), record.account.owner)
        saved = self._tokens.save(
            record,
            renewed.tokens,
            issued=renewed.issued,
            expires=renewed.expires,
            next_due=renewed.next_due,
            models=renewed.models,
            version=version,
            spent=spent,
            alone=renewed.alone,
        )
        if not saved:
            current = self._members.get(name)
            try:
                if current is not None and _is_before(current, record):
                    return self._save(current, renewed, max(version, current.version + 1), spent)
                is_ours = current is not None and Tokens(current.access, current.refresh) == renewed.tokens
            except Unreadable:  # somebody else has stored it, with a key that is not known here
                is_ours = False
            if not is_ours:
                log.warning("what is stored was changed during the refresh, that stays", account=name)
                return Outcome.SUPERSEDED
            # else an earlier try reached the store and only its answer was lost
        noteworthy = record.state is State.NEW or record.failures or record.rejected
        (log.info if noteworthy else log.debug)(
            "refreshed", account=name, lifetime=round(renewed.expires - renewed.issued), models=len(renewed.models)
        )
        return Outcome.REFRESHED


def _is_before(current: Record, record: Record) -> bool:
    """Whether the store has lost `record` meanwhile, and has an older state of it or what the operator configured."""
    is_older = current.fingerprint == record.fingerprint and current.version < record.version
    return is_older or (current.refresh == record.refresh and not current.access)
