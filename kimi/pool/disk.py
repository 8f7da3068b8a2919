"""Waiting until what was written is on Redis's disk."""

from __future__ import annotations

import logging
from typing import Final

from redis.exceptions import ResponseError

from kimi.pool.store import Store, to_ms

log = logging.getLogger(__name__)

SECONDS: Final = 3.0
"""How long that may take; with `appendfsync everysec` it takes more than one."""
_STEP: Final = 0.2  # well below what any connection of ours waits for an answer


def until_on_disk(store: Store, seconds: float = SECONDS) -> bool:
    """Returns once all that was written so far is on disk; False, and a warning, where that cannot be told.

    Raises `StoreUnavailable`.
    """
    with store.guarded() as redis, redis.client() as connection:
        try:
            # Redis waits for the writes of one connection only, and writes to disk in order.
            connection.set(store.key("probe"), "", px=1000)
            for _ in range(round(seconds / _STEP)):
                if connection.execute_command("WAITAOF", 1, 0, to_ms(_STEP))[0]:
                    return True
        except ResponseError as error:
            log.warning("Redis cannot tell when it is on disk; use 7.2 or newer with `appendonly yes` (%s)", error)
            return False
    log.warning("Redis has not written to its disk within %g s", seconds)
    return False
