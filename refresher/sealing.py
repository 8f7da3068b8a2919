"""Secrets at rest: whether this process has the keys, and sealing what stands there in plain text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from kimi.pool import Store
from kimi.pool.canary import Canary
from kimi.pool.resealing import Resealing

log = structlog.stdlib.get_logger("refresher")

CHECK_SECONDS: Final = 2.0


class Sealing:
    """Keeps a process with the wrong keys from doing anything. Every method may raise `Unreadable`, `StoreUnavailable`.

    Redis may be exchanged for another at any time.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float]) -> None:
        self._canary = Canary(store)
        self._resealing = Resealing(store)
        self._clock = clock
        self._next_check = 0.0

    def start(self) -> None:
        """Seal what was stored before there were keys. What is sealed with older ones stays: others may need that."""
        self._canary.keep()
        sealed = self._resealing.seal_plain()
        if sealed.changed:
            log.info("what stood in the store in plain text is sealed", accounts=sealed.changed)

    def check(self) -> None:
        """Look whether the keys are the right ones still. Does nothing before the next look is due."""
        now = self._clock()
        if now >= self._next_check:
            self._canary.keep()
            self._next_check = now + CHECK_SECONDS
