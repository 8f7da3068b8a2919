"""Whether this worker can open what Redis holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.watch import Watch
from kimi.errors import Unreadable
from kimi.pool.sealers import Sealers


class SealWatch(Watch):
    """`look` raises as `Canary.look_at_served` does.

    Its keys were the right ones when it started: others may have been given new ones since, or Redis was exchanged. As
    often it shows others with which of them it seals.
    """

    refusal = Unreadable
    so = "this gateway is not ready until it is given the right keys"
    again = "what Redis holds can be opened again"

    def __init__(
        self, look: Callable[[], object], sealers: Sealers, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(monotonic=monotonic)
        self._can_open = look
        self._sealers = sealers

    def _look(self) -> None:
        self._sealers.meet()
        self._can_open()

    def _leave(self) -> None:
        self._sealers.leave()
