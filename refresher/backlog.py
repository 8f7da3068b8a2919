"""Telling the operator that more refreshes are due than may begin, and that many proxies are silent."""

from __future__ import annotations

from typing import Final

import structlog

from refresher.metrics import Metrics

log = structlog.stdlib.get_logger("refresher")

LONG_SECONDS: Final = 60.0
"""Where those that wait take longer the operator is told."""
MANY_SILENT: Final = 8
"""So many lines that say nothing use up all the refreshes that may be under way along such."""
_OVER: Final = 1 / 4  # of those, and it is over


class Backlog:
    """How many wait for their turn; `rate` is how many a second all refreshers together may begin."""

    def __init__(self, metrics: Metrics, *, rate: float) -> None:
        self._metrics = metrics
        self._rate = rate
        self._is_told = False
        self._is_silence_told = False

    def seen(self, due: int, *, is_held_back: bool, silent: int = 0) -> None:
        """So many are due, some of which the rate holds back if `is_held_back`; along so many lines nobody answers."""
        self._metrics.due(due)
        seconds = due / self._rate
        if is_held_back and seconds > LONG_SECONDS and not self._is_told:
            self._is_told = True
            log.warning(
                "more accounts are due than REFRESHER_EXCHANGES_PER_SECOND lets be refreshed at once: nothing is to be "
                "done where many are new, raise it where tokens expire",
                due=due,
                a_second=self._rate,
                seconds=round(seconds),
            )
        elif seconds < LONG_SECONDS * _OVER:
            self._is_told = False
        if silent >= MANY_SILENT and not self._is_silence_told:
            self._is_silence_told = True
            log.warning("many proxies or hosts say nothing: their accounts are tried a few at a time", lines=silent)
        elif silent < MANY_SILENT * _OVER:
            self._is_silence_told = False
