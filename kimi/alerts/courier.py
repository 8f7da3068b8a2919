"""Takes messages to one destination, one at a time, on a thread of its own: one that is slow holds up no other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from kimi.alerts.delivery import Destination, Undelivered
from kimi.alerts.ledger import Due, Told
from kimi.alerts.notes import Note

log = structlog.stdlib.get_logger("alerts")

FIRST_PAUSE_SECONDS: Final = 10.0
"""After a first failure; each further one doubles it."""
LONGEST_PAUSE_SECONDS: Final = 300.0
_MOST_DOUBLINGS: Final = 5


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a destination was told, and when."""

    due: Due
    told: Told


class Courier:
    """Rests after a failure, longer each time. Only `_carry` runs on another thread."""

    def __init__(self, destination: Destination, *, clock: Callable[[], float]) -> None:
        self._destination = destination
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._not_before = 0.0
        self._failures = 0
        self._arrived: deque[Arrival] = deque()
        self.id = destination.id

    @property
    def is_free(self) -> bool:
        """Whether it can be sent: it is not under way, nobody has to be told of it, and it does not rest."""
        # In this order: what has arrived is there before its thread has ended.
        return not self._is_under_way and not self._arrived and self._clock() >= self._not_before

    @property
    def _is_under_way(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def send(self, note: Note, due: Due) -> None:
        """Set off with a note about `due`. To be called when it is free."""
        self._failures += 1  # until it has arrived, whatever keeps it from that
        pause = FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, _MOST_DOUBLINGS)
        self._not_before = self._clock() + min(pause, LONGEST_PAUSE_SECONDS)
        self._thread = threading.Thread(target=self._carry, args=(note, due), name="alert", daemon=True)
        self._thread.start()

    @property
    def arrived(self) -> tuple[Arrival, ...]:
        """What has arrived and was not settled so far."""
        return tuple(self._arrived)

    def settle(self, arrivals: Sequence[Arrival]) -> None:
        """The first ones that have arrived, which these are, are written down or no affair of this process any more."""
        for _ in arrivals:
            self._arrived.popleft()

    def join(self, seconds: float) -> None:
        """Wait so long for what is under way."""
        if self._thread:
            self._thread.join(seconds)

    def _carry(self, note: Note, due: Due) -> None:
        try:
            self._destination.deliver(note)
        except Undelivered as error:
            log.warning(
                "an alert was not delivered, it is tried again",
                rule=note.rule,
                destination=self._destination.name,
                error=str(error),
            )
            return
        self._failures, self._not_before = 0, 0.0
        self._arrived.append(Arrival(due, Told(self._clock(), due.over)))
        log.info("alert sent", rule=note.rule, resolved=note.resolved, destination=self._destination.name)
