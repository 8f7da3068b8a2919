"""Refreshing one account whose lock is held: reload, mark, exchange, store before anything uses it, unlock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

import structlog

from kimi.accounts import Record, State
from kimi.errors import AccountBanned, AccountDead, KimiError
from kimi.pool import Members, TokenStore
from kimi.pool.locks import Lock, Past
from refresher.keeping import Keeping
from refresher.memory import Memory
from refresher.outcomes import Outcome
from refresher.postponing import Postponing
from refresher.renewal import Renewals
from refresher.stopping import Stop

log = structlog.stdlib.get_logger("refresher")

_CONDEMNED: Final = {
    State.DEAD: "account is dead, it needs a new credential",
    State.BANNED: "account is banned, Kimi has closed it",  # which no credential opens again
}


class Refreshing:
    """Refreshes accounts one at a time; call it from as many threads and processes as you like.

    Once `stop` is set no further exchange begins: who has to end soon must not leave before its answer. Tokens that
    could not be stored are held on to until it is over.
    `second_look` is how long after a refusal the store is read again, as the vendor's own client does: another process
    may have exchanged the same token and be about to store its successor.
    `memory` takes every refresh token that comes, and gives back what the store has lost since.
    `ask_again` is called before each exchange of an account beyond its first.
    """

    def __init__(
        self,
        tokens: TokenStore,
        members: Members,
        renewals: Renewals,
        memory: Memory,
        stop: Stop,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        ask_again: Callable[[], object],
        pause: Callable[[float], object] = time.sleep,
        second_look: float = 1.0,
    ) -> None:
        self._tokens = tokens
        self._members = members
        self._renewals = renewals
        self._memory = memory
        self._keeping = Keeping(tokens, members, memory, stop, pause=pause)
        self._stop = stop
        self._clock = clock
        self._ask_again = ask_again
        self._postponing = Postponing(tokens, clock=clock, rng=rng)
        self._pause = pause
        self._second_look = second_look

    def refresh(self, lock: Lock) -> Outcome:
        """Refresh the account of this lock, if it is due still; the lock is free afterwards.

        Raises `StoreUnavailable`, but never while it holds tokens that are not stored; `Unreadable` where its secrets
        cannot be opened.
        """
        with self._tokens.holding(lock):
            return self._refresh(lock)

    def _refresh(self, lock: Lock) -> Outcome:
        record = self._members.get(lock.name)
        if record is None or not self._is_due(record) or self._stop.is_set():
            return Outcome.NOT_DUE
        record.unseal()  # before anything is spent
        if self._memory.forestall(record):
            return self._refresh(lock)
        past = self._spend(lock, record)
        if past is None:
            return Outcome.NOT_DUE
        try:
            renewed = self._renewals.renew(record)
        except AccountDead as error:
            if self._memory.put_back(record):
                self._ask_again()
                return self._refresh(lock)
            return self._condemn(lock, record, State.DEAD, str(error), past)
        except AccountBanned as error:
            return self._condemn(lock, record, State.BANNED, str(error), past)
        except KimiError as error:
            return self._postponing.postpone(record, error)
        return self._keeping.keep(record, renewed)

    def _spend(self, lock: Lock, record: Record) -> Past | None:
        if not record.account.kind.is_web:
            return Past.NOTHING  # a key is only tried
        past = lock.spend(record)
        if past is not Past.CUT_OFF:
            return past
        log.warning(
            "an exchange was cut off before its answer was stored, the stored token is tried once more",
            account=record.account.name,
        )
        # Whoever began it may have been stopped only, or cut off from the store, and be about to store the answer.
        self._pause(self._second_look)
        return past if lock.spend(record) else None

    def _is_due(self, record: Record) -> bool:
        return (
            record.configured
            and record.state in (State.NEW, State.ACTIVE)
            and record.due is not None
            and record.due <= self._clock()
        )

    def _condemn(self, lock: Lock, record: Record, state: State, reason: str, past: Past) -> Outcome:
        """Believe a refusal only if it was of the credential that is stored still."""
        if past is not Past.CUT_OFF:  # or others have had that time already
            self._unmark(record)
            self._pause(self._second_look)  # at the end as well: nobody is condemned in haste
        name = record.account.name
        current = self._members.get(name)
        if current is None or current.version != record.version or current.refresh != record.refresh:
            log.info("refused, but another credential was stored meanwhile", account=name)
            return Outcome.SUPERSEDED
        if state is State.DEAD and (outcome := self._go_back(lock, current)) is not None:
            return outcome
        is_lost = state is State.DEAD and past is not Past.NOTHING
        if is_lost:
            reason = f"{reason}; an exchange before was cut off, its answer with the next token was lost on the way"
        if self._members.mark(name, record.version, state, reason):
            say = log.info if record.account.owner else log.error  # what clients bring is no affair of the operator's
            say(_CONDEMNED[state], account=name, reason=reason)
        if is_lost:
            return Outcome.LOST
        return Outcome.DEAD if state is State.DEAD else Outcome.BANNED

    def _go_back(self, lock: Lock, record: Record) -> Outcome | None:
        """What comes of the refresh tokens before the one that was refused, which may never have been Kimi's: of a
        server on the way, say, that answered in its place. None where there is none, or where all are refused as well.

        They are spent where the stored one is Kimi's, and who shows a spent one ends the login: so they are tried only
        where nothing else speaks for the stored one. Kimi has refused the access token beside it too, or nobody could
        ask. The newest goes first: if that was spent, the login ends with it, and what came before is not worth less.
        The store drops them once Kimi has taken the access token.
        """
        for previous in record.previous if record.is_doubted else ():
            if self._stop.is_set() or lock.spend(record) is None:
                return Outcome.NOT_DUE
            self._ask_again()
            try:
                renewed = self._renewals.renew(previous)
            except (AccountDead, AccountBanned):
                self._unmark(record)
                continue
            except KimiError as error:
                return self._postponing.postpone(record, error)
            log.warning("the stored token was refused, one before it was good", account=record.account.name)
            return self._keeping.keep(record, renewed, spent=previous.stored_refresh)
        return None

    def _unmark(self, record: Record) -> None:
        """The answer came: nobody has to ask what has become of the exchange."""
        self._tokens.postpone(record, record.due or 0.0, record.failures)
