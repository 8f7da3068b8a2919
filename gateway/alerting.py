"""Watching the pool for the operator while no refresher does."""

from __future__ import annotations

import gevent

from kimi.alerts.watch import STANDBY_SECONDS, Watcher


def stand_by(watcher: Watcher) -> None:
    """Looks every few seconds whether it is this worker's turn, for ever."""
    while True:
        gevent.sleep(STANDBY_SECONDS)
        watcher.check()
