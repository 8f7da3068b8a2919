"""Whether this worker can work with what Redis holds, as it was a moment ago."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress

from kimi.errors import Outdated, StoreUnavailable
from kimi.pool.schema import LOOK_SECONDS, Schema

log = logging.getLogger(__name__)


class SchemaWatch:
    """Looks now and then, and says so in the log when that changes; as often it shows which release it is.

    A newer release may have changed what stands there since this one started. Requests that come are served as well as
    it goes on: it is for whoever sends them to send no more.
    """

    def __init__(self, schema: Schema, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.is_outdated = False
        self._schema = schema
        self._monotonic = monotonic
        self._next = 0.0

    def check(self) -> None:
        """Does nothing before the next look is due."""
        if self._monotonic() < self._next:
            return
        self._next = self._monotonic() + LOOK_SECONDS
        try:
            self._schema.look()
        except Outdated as error:
            if not self.is_outdated:
                log.error("%s; this gateway is not ready any more", error)  # noqa: TRY400
            self.is_outdated = True
        except StoreUnavailable:
            return  # what was seen last stands
        else:
            if self.is_outdated:
                log.warning("what Redis holds is understood again")
            self.is_outdated = False

    def end(self) -> None:
        """This worker ends."""
        self._next = math.inf
        with suppress(StoreUnavailable):  # it is forgotten by itself
            self._schema.leave()
