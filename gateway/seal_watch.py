"""Whether this worker can open what Redis holds, as it was a moment ago."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from kimi.errors import StoreUnavailable, Unreadable
from kimi.pool.sealers import Sealers

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0


class SealWatch:
    """Looks now and then, and says so in the log when that changes. `look` raises as `Canary.look_at_served` does.

    Its keys were the right ones when it started: others may have been given new ones since, or Redis was exchanged. As
    often it shows others with which of them it seals.
    """

    def __init__(
        self, look: Callable[[], object], sealers: Sealers, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_shut_out = False
        self._look = look
        self._sealers = sealers
        self._monotonic = monotonic
        self._next = 0.0

    def check(self) -> None:
        """Does nothing before the next look is due."""
        if self._monotonic() < self._next:
            return
        self._next = self._monotonic() + LOOK_SECONDS
        try:
            self._sealers.meet()
            self._look()
        except Unreadable as error:
            if not self.is_shut_out:
                log.error("%s; this gateway is not ready until it is given the right keys", error)  # noqa: TRY400
            self.is_shut_out = True
        except StoreUnavailable:
            return  # what was seen last stands
        else:
            if self.is_shut_out:
                log.warning("what Redis holds can be opened again")
            self.is_shut_out = False

    def end(self) -> None:
        """This worker seals nothing any more, nor looks."""
        self._next = math.inf
        with suppress(StoreUnavailable):  # it is forgotten by itself
            self._sealers.leave()
