"""Telling the operator that more refreshes are due than may begin, and that many proxies are silent."""

from __future__ import annotations

from typing import Final

import structlog

from refresher.lines import MANY_SILENT
from refresher.metrics import Metrics

log = structlog.stdlib.get_logger("refresher")

LONG_SECONDS: Final = 60.0
"""Where those that wait take longer the operator is told."""
_OVER: Final = 1 / 4  # of what is told, and it is over


class Backlog:
    """Whether too many wait for their turn, where `rate` is how many a second all refreshers together may begin, and
    whether too many lines are silent. Either is told once, and again when it was over meanwhile.
    """

    def __init__(self, metrics: Metrics, *, rate: float) -> None:
        self._metrics = metrics
        self._rate = rate
        self._waiting = _Latch(LONG_SECONDS)
        self._silent = _Latch(MANY_SILENT)

    def seen(self, due: int, *, is_held_back: bool, silent: int = 0) -> None:
        """So many are due, some of which the rate holds back if `is_held_back`; along so many lines nobody answers."""
        self._metrics.due(due)
        seconds = due / self._rate
        if self._waiting.is_news(seconds, may=is_held_back):
            log.warning(
                "more accounts are due than REFRESHER_EXCHANGES_PER_SECOND lets be refreshed at once: nothing is to be "
                "done where many are new, raise it where tokens expire",
                due=due,
                a_second=self._rate,
                seconds=round(seconds),
            )
        if self._silent.is_news(silent):
            log.warning("many proxies or hosts say nothing: their accounts are tried a few at a time", lines=silent)


class _Latch:
    """Says once that there is as much as `much`, and again after there was less than a quarter of it."""

    def __init__(self, much: float) -> None:
        self._much = much
        self._is_told = False

    def is_news(self, value: float, *, may: bool = True) -> bool:
        """Whether it is to be told now, which it may."""
        if value >= self._much and may and not self._is_told:
            self._is_told = True
            return True
        if value < self._much * _OVER:
            self._is_told = False
        return False
