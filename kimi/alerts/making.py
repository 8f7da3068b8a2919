"""A watcher as the settings want it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Protocol

from kimi.alerts.courier import Courier
from kimi.alerts.destinations import Wanted, destinations
from kimi.alerts.ledger import Pace
from kimi.alerts.notes import Language
from kimi.alerts.rules import Limits
from kimi.alerts.sight import Sight
from kimi.alerts.watch import Plan, Watcher
from kimi.pool import Members, Store
from kimi.pool.alerts import AlertBook
from kimi.pool.changes import Changes
from kimi.pool.extent import Extents
from kimi.pool.heartbeats import Heartbeats


class AlertSettings(Wanted, Protocol):
    """The settings that a watcher has."""

    @property
    def alert_usable_below(self) -> int: ...

    @property
    def alert_refresher_silent_seconds(self) -> float: ...

    @property
    def alert_repeat_seconds(self) -> float: ...

    @property
    def alert_language(self) -> Language: ...


def watcher(
    store: Store, settings: AlertSettings, *, stands_in: bool, clock: Callable[[], float] = time.time
) -> Watcher:
    """One of its own for the process that calls this; see `Watcher` for `stands_in`."""
    limits = Limits(usable_below=settings.alert_usable_below, silent_seconds=settings.alert_refresher_silent_seconds)
    return Watcher(
        AlertBook(store),
        Sight(Changes(store), Members(store), Extents(store), Heartbeats(store), clock=clock),
        [Courier(destination, clock=clock) for destination in destinations(settings)],
        Plan(limits=limits, pace=Pace(repeat=settings.alert_repeat_seconds), language=settings.alert_language),
        owner=uuid.uuid4().hex,
        clock=clock,
        stands_in=stands_in,
    )
