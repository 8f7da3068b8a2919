"""The right to exchange the credential of one account, and what is known of earlier exchanges of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum

from kimi.accounts import Record
from kimi.errors import NotKept, StoreUnavailable
from kimi.pool.store import Store, to_ms
from kimi.pool.sure import run_replicated


def is_locked(store: Store, name: str) -> bool:
    """Whether somebody is exchanging the credential of this account just now. May raise `StoreUnavailable`."""
    with store.guarded() as redis:
        return bool(redis.exists(store.key("lock", name)))


class Past(IntEnum):
    """What became of earlier exchanges of a credential that is stored still; the numbers are those of `spend.lua`."""

    NOTHING = 1  # there were none, or none that can have spent it
    UNANSWERED = 2  # one brought no answer: it may have spent it
    CUT_OFF = 3  # the same, and nobody has told so yet: its process was killed, or stopped for long


@dataclass(frozen=True, slots=True)
class Lock:
    """A refresh of one account by one owner, alone for `seconds` from when it was last made sure of.

    `monotonic` is the clock of this process that goes on while the process is stopped.
    """

    store: Store = field(repr=False)
    name: str
    owner: str
    seconds: float
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False)

    def spend(self, record: Record) -> Past | None:
        """Marks the credential of `record` as being exchanged: to be called right before, without anything in between.

        None when it must not be exchanged: somebody else has taken the lock over, or the account is no longer as it was
        when `record` was read under the lock. Raises `StoreUnavailable`, also when the store takes no writes, before
        anything is spent.
        """
        asked = self.monotonic()
        due = to_ms(record.due or 0)
        try:
            past = run_replicated(self.store, "spend", self.name, self.owner, record.version, due, to_ms(self.seconds))
        except NotKept:
            with suppress(StoreUnavailable):  # else the next one is told that this exchange was cut off
                self.store.run("postpone", self.name, record.version, due, record.failures, 0, "")
            raise
        # A process that was stopped meanwhile holds an answer that is true no longer.
        is_late = self.monotonic() - asked >= self.seconds
        return Past(past) if past and not is_late else None

    def free(self) -> None:
        """Lets others have it, unless others have it already. Raises `StoreUnavailable`."""
        self.store.run("unlock", self.name, self.owner)
