"""Watches the pool for the operator: of all processes one does, and another goes on where it ended."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import structlog

from kimi.alerts import texts
from kimi.alerts.courier import Arrival, Courier
from kimi.alerts.ledger import Due, Entry, Pace, due, is_active, update
from kimi.alerts.notes import MOST_SUBJECTS, Language, Note, Rule
from kimi.alerts.rules import Limits, Subject, judge
from kimi.alerts.sight import Sight
from kimi.errors import StoreUnavailable
from kimi.pool.alerts import Active, AlertBook, Hold

log = structlog.stdlib.get_logger("alerts")

EVERY_SECONDS: Final = 1.0
"""How often a refresher looks."""
STANDBY_SECONDS: Final = 5.0
"""How often a worker of a gateway does, which mostly finds that it has nothing to do."""
HOLD_SECONDS: Final = 15.0
"""After so long without a sign of the one that watches another may."""
_MOMENT_SECONDS: Final = 1.0

Arrivals = Sequence[tuple[Courier, tuple[Arrival, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is wrong from where on, how fast it is said, and in which language."""

    limits: Limits
    pace: Pace
    language: Language = "en"


class Watcher:
    """One round is one `check`. Nothing of it is for several threads at once.

    One that `stands_in` is a gateway's: it watches only while no refresher is heard of, which is when none can.
    """

    def __init__(
        self,
        book: AlertBook,
        sight: Sight,
        couriers: Sequence[Courier],
        plan: Plan,
        *,
        owner: str,
        clock: Callable[[], float],
        stands_in: bool = False,
    ) -> None:
        self._book = book
        self._sight = sight
        self._couriers = couriers
        self._plan = plan
        self._owner = owner
        self._clock = clock
        self._stands_in = stands_in
        self._entries: dict[Subject, Entry] | None = None  # None: another one watches
        self._written: dict[Subject, Entry] = {}
        self._active: list[Active] = []

    def check(self) -> None:
        """Look, and see to it that what is news is told. While Redis is away nothing is known."""
        try:
            if not self._is_its_turn():
                return
            self._look()
            self._write()
            if self._send():
                self._note_soon()
        except StoreUnavailable as error:
            self._entries = None
            log.debug("watching waits for the store", error=str(error))

    def end(self) -> None:
        """Note what has still arrived, and let another one watch at once."""
        try:
            self._note_soon()
            self._book.free(self._owner)
        except StoreUnavailable as error:
            log.debug("another process watches only after a while", error=str(error))
        self._entries = None

    def _is_its_turn(self) -> bool:
        if self._stands_in and self._sight.silence() < self._plan.limits.silent_seconds:
            if self._entries is not None:
                self.end()
            return False
        hold = self._book.hold(self._owner, HOLD_SECONDS)
        if hold is Hold.NONE:
            self._entries = None
            _settle([(courier, courier.arrived) for courier in self._couriers])
            return False
        if hold is Hold.TAKEN or self._entries is None:
            self._begin()
        return True

    def _begin(self) -> None:
        self._sight.begin_anew()
        self._entries = self._book.entries()
        self._written = dict(self._entries)
        self._active = self._book.active()
        log.info("this process watches the pool for alerts")

    def _look(self) -> None:
        entries = self._entries or {}
        self._note_deliveries(entries)
        wrong = judge(self._sight.look(), self._plan.limits)
        self._entries = update(entries, wrong, self._clock(), self._plan.pace)

    def _note_soon(self) -> None:
        """Most of what was sent has arrived in a moment, and should be known before this process can end."""
        over = time.monotonic() + _MOMENT_SECONDS  # for all of them: the hold must not run out meanwhile
        for courier in self._couriers:
            courier.join(max(0.0, over - time.monotonic()))
        if self._entries is not None:
            self._write()

    def _note_deliveries(self, entries: dict[Subject, Entry]) -> Arrivals:
        """Enter what has arrived so far, which may be more at any moment; returns it."""
        arrivals = [(courier, courier.arrived) for courier in self._couriers]
        for courier, arrived in arrivals:
            for arrival in arrived:
                for key in (entry.key for entry in arrival.due.entries):
                    if key in entries:
                        entries[key] = entries[key].noted(courier.id, arrival.told)
        return arrivals

    def _write(self) -> None:
        """Write what has changed, and what has arrived."""
        entries = self._entries or {}
        noted = self._note_deliveries(entries)
        written = self._written
        changed = [e for key, e in entries.items() if written.get(key) is not e and written.get(key) != e]
        gone = written.keys() - entries.keys()
        active = self._summary(entries)
        if changed or gone or active != self._active:
            if not self._book.write(self._owner, changed, gone, active):
                self._entries = None
                return
            self._written, self._active = dict(entries), active
        _settle(noted)

    def _summary(self, entries: dict[Subject, Entry]) -> list[Active]:
        now, found = self._clock(), []
        for rule in Rule:
            mine = [e for e in entries.values() if e.rule is rule and is_active(e, now, self._plan.pace)]
            if mine:
                mine.sort(key=lambda entry: (entry.since, entry.subject))
                found.append(self._summed(rule, mine))
        return found

    def _summed(self, rule: Rule, entries: Sequence[Entry]) -> Active:
        return Active(
            rule=rule,
            subjects=tuple(entry.subject for entry in islice(entries, texts.MOST_NAMES)),
            count=len(entries),
            since=entries[0].since,
            figure=entries[0].figure,
            limit=self._plan.limits.usable_below,
        )

    def _send(self) -> bool:
        """Send the couriers that have something to say; whether one has set off."""
        now, sent, entries = self._clock(), False, list((self._entries or {}).values())
        for courier in self._couriers:
            wanted = due(entries, courier.id, now, self._plan.pace) if courier.is_free else []
            if wanted:
                courier.send(self._note(wanted[0], courier.id, now), wanted[0])
                sent = True
        return sent

    def _note(self, wanted: Due, destination: str, now: float) -> Note:
        names = tuple(entry.subject for entry in wanted.entries if entry.subject)
        words = texts.compose(
            wanted.rule,
            names,
            len(wanted.entries),
            figure=wanted.entries[0].figure,
            limit=self._plan.limits.usable_below,
            over=wanted.over,
            language=self._plan.language,
        )
        return Note(
            id=_id_of(wanted, destination),
            at=now,
            rule=wanted.rule.value,
            severity="info" if wanted.over else texts.SEVERITIES[wanted.rule],
            subjects=names[:MOST_SUBJECTS],
            count=len(names),
            title=words.title,
            text=words.text,
            resolved=wanted.over,
        )


def _settle(arrivals: Arrivals) -> None:
    for courier, arrived in arrivals:
        courier.settle(arrived)


def _id_of(wanted: Due, destination: str) -> str:
    """The same for each attempt to deliver the same message."""
    digest = hashlib.sha256(f"{wanted.rule} {wanted.over} {destination}".encode())
    for entry in wanted.entries:
        told = entry.told.get(destination)
        digest.update(f"\n{entry.subject} {entry.since:.3f} {told.at if told else 0:.3f}".encode())
    return digest.hexdigest()[:32]
