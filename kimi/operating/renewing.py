"""Refreshes that the operator asks for: the refresher does them, and what came of them is read from the pool."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kimi.accounts import Record, State
from kimi.operating.spans import span
from kimi.operating.troubles import Refused
from kimi.pool import Members, Store, TokenStore
from kimi.pool.heartbeats import Heartbeats
from kimi.pool.interventions import Interventions
from kimi.pool.scanning import pages

POLL_SECONDS: Final = 0.2
_BATCH: Final = 100
"""Accounts that are due at once: a refresher does 16 at a time, and others are due as well."""


class Fate(StrEnum):
    """What came of a refresh."""

    RENEWED = "renewed"
    REFUSED = "refused"  # it is dead or banned
    FAILED = "failed"  # it will be tried again
    GONE = "gone"  # paused or taken out meanwhile
    SILENT = "silent"  # nothing came of it so far


@dataclass(frozen=True, slots=True)
class Renewal:
    """What came of one, after how many `seconds`; `message` is a sentence for the operator."""

    name: str
    fate: Fate
    message: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the account has a new token, or its key was found good."""
        return self.fate is Fate.RENEWED


class Renewing:
    """Makes refreshes due and waits for them. Every method may raise `StoreUnavailable`."""

    def __init__(
        self,
        store: Store,
        *,
        pause: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._members = Members(store)
        self._hands = Interventions(store)
        self._tokens = TokenStore(store)
        self._heartbeats = Heartbeats(store)
        self._pause = pause
        self._monotonic = monotonic

    def check(self, record: Record) -> None:
        """Raises `Refused` for one that is not refreshed in the state it is in."""
        name, state = record.account.name, record.state
        if state is State.PAUSED:
            raise Refused(f"account {name} is paused: resume it, which refreshes it at once")
        if state in {State.DEAD, State.BANNED}:
            raise Refused(f"account {name} is {state} ({record.reason}): clear it to have its token tried anew")

    def run(self, names: Sequence[str], patience: float) -> Iterator[Renewal]:
        """What comes of each, in the order in which that is known.

        Up to `patience` seconds are waited for each, and none where there is no refresher: it finds all of them due.
        """
        if not self._heartbeats.any_lives():
            patience = 0.0
        for page in pages(names, _BATCH):
            yield from self._batch(page, patience)

    def _batch(self, names: Sequence[str], patience: float) -> Iterator[Renewal]:
        began = self._monotonic()
        waiting = {record.account.name: record for record in self._members.some(names)}
        for name in waiting:
            self._hands.hurry(name)
        while waiting:
            passed = self._monotonic() - began
            now = {record.account.name: record for record in self._members.some(list(waiting))}
            for name, before in list(waiting.items()):
                told = _told(before, now.get(name), self._store.now())
                if told is None and passed >= patience:
                    told = Fate.SILENT, self._silence(name)
                if told is not None:
                    del waiting[name]
                    yield Renewal(name, *told, seconds=passed)
            if waiting:
                self._pause(POLL_SECONDS)

    def _silence(self, name: str) -> str:
        if self._tokens.is_locked(name):
            return "its upstream has not answered yet: look at it again in a minute"
        if not self._heartbeats.any_lives():
            return "no refresher is at work: start one, which refreshes it at once"
        return "the refresher has not come to it yet: look at it again in a minute"


def _told(before: Record, now: Record | None, clock: float) -> tuple[Fate, str] | None:
    """What has come of it; None while nothing has."""
    if now is None or not now.configured:
        return Fate.GONE, "it was taken out meanwhile"
    if now.state in {State.DEAD, State.BANNED}:
        return Fate.REFUSED, f"it is {now.state}: {now.reason}"
    if now.version != before.version:
        what = "has a new token" if now.account.kind.is_web else "its key is good"
        return Fate.RENEWED, f"{what}, for {span(now.access_expires - clock)}" if now.account.kind.is_web else what
    if now.state is State.PAUSED:
        return Fate.GONE, "it was paused meanwhile"
    if now.failures != before.failures and now.failures:
        again = max((now.due or 0.0) - clock, 0.0)
        return Fate.FAILED, f"failed ({now.reason}), is tried again in {span(again)}"
    return None
