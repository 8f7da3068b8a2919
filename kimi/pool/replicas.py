"""Replicas that have what must not be lost, should another server be the master a moment later."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from kimi.errors import NotKept
from kimi.pool.masters import Lead, lead
from kimi.pool_name import POOL
from kimi.redis_address import parse

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 0.5
"""A replica that lives has a write within milliseconds."""
DOUBT_SECONDS: Final = 3.0
"""For so long a master without replicas may be none any more: Sentinels tell each other within 2 s."""


@cache
def replicas(url: str, pool: str = POOL) -> Replicas:
    """How many replicas are to have it, and what is known of them, for all stores of this process."""
    return Replicas(parse(url).replicas, lead(url, pool))


class Replicas:
    """Looks whether `wanted` replicas have what was written.

    Who was the master while another was elected goes on taking writes that nobody will ever see, and has no replica any
    more. Nor has one whose replicas are broken: after `DOUBT_SECONDS` in which nobody names another master it is taken
    for such a one, and believed.
    """

    def __init__(
        self, wanted: int = 0, led: Lead | None = None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.wanted = wanted
        self._lead = led
        self._monotonic = monotonic
        self._lacking_since: float | None = None
        self._is_told = False

    def ask(self, pipe: Any) -> None:
        """Lets a pipeline wait behind what it writes; the answer is for `judge`."""
        pipe.execute_command("WAIT", self.wanted, round(WAIT_SECONDS * 1000))

    def judge(self, answer: object) -> None:
        """Returns when what was written is kept as well as it can be. Raises `NotKept` while that is not sure."""
        if isinstance(answer, int) and answer >= self.wanted:
            self._lacking_since, self._is_told = None, False
            return
        since = self._lacking_since  # another thread may have better news meanwhile
        if since is None:
            since = self._lacking_since = self._monotonic()
        if self._lead is not None:
            self._lead.look()
        if self._monotonic() - since < DOUBT_SECONDS:
            raise NotKept(f"fewer than {self.wanted} replicas of Redis have what was written")
        if not self._is_told:
            self._is_told = True
            log.warning(
                "fewer than %d replicas of Redis have the fresh tokens, which are lost if it fails over now: see to "
                "the replicas, or say in REDIS_URL how many there are, as in ?replicas=0 (%s)",
                self.wanted,
                answer,
            )
