"""Who goes first at a Redis that has just begun: those that were at work before, for they know the newest tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from kimi.pool import Store
from kimi.pool.health import Health
from refresher.stopping import Stop

log = structlog.stdlib.get_logger("refresher")

YOUNG_SECONDS: Final = 30.0
"""A server that was started so lately may have begun empty, or with an older state."""
OTHERS_SECONDS: Final = 4.0
"""So long others take to find it, and to begin to put back what it has lost."""
_STEP: Final = 1.0


def let_others_go_first(
    store: Store, stop: Stop, *, young: float = YOUNG_SECONDS, wait: Callable[[float], object] | None = None
) -> bool:
    """Returns when whoever remembers has put back what it knows: True, or False where this process is to stop instead.

    What a refresher that has just been started would enter is what the accounts file holds, and spent. Where Redis does
    not tell how long it runs nobody waits. Raises `StoreUnavailable`.
    """
    wait = wait or stop.wait
    if Health(store).facts().get("uptime_in_seconds", young) >= young:
        return not stop.is_set()
    log.info(
        "Redis was started a moment ago: refreshers that were at work before go first, they know the newest tokens"
    )
    wait(OTHERS_SECONDS)
    before, there = -1, _count(store)
    while there > before and not stop.is_set():  # they are at it
        wait(_STEP)
        before, there = there, _count(store)
    return not stop.is_set()


def _count(store: Store) -> int:
    with store.guarded() as redis:
        return int(redis.scard(store.key("accounts")))
