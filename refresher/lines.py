"""How many refreshes may go along one line, so that those that say nothing hold up their own accounts alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import takewhile
from typing import Final

from kimi.http.contract import CONNECT_SECONDS
from kimi.pool.due import LineState, Room
from refresher.outcomes import Outcome

THREADS: Final = 128
"""Refreshes of one refresher that may be under way at the same time. They mostly wait: for Kimi, and for Redis, which
has its disk take the tokens once a second. No thread starts unneeded.
"""
SILENT_SECONDS: Final = CONNECT_SECONDS * 0.8
"""A refresh that has failed after as long met nobody, or somebody who said nothing."""
FORGET_SECONDS: Final = 600.0
"""A silent line that nobody has tried for as long is forgotten: its accounts are gone, or go along another one."""
TRIALS: Final = 4
"""So many look whether anybody is there again; one answer is enough to open the line to all."""
SHARE: Final = 3
"""A line may have so many times as many refreshes under way as threads are free: of 128 it has 96 if it is the only one
that needs many, two have 55 each, and where they grow side by side there are some free for others."""
_SILENT_SHARE: Final = 1 / 4  # of all threads, for all silent lines together
MANY_SILENT: Final = int(THREADS * _SILENT_SHARE) // TRIALS
"""So many lines that say nothing use up all the refreshes that may be under way along such."""
_REMEMBERED: Final = {LineState.ANSWERS: 256, LineState.FAILS: 256, LineState.SILENT: 1024}


class Lines:
    """Counts what is under way. A line is one host behind one proxy; most installations have one or two.

    Of those that have not answered of late nobody knows whether they do: they share what one line may have. The silent
    ones among them have a quarter of the threads at the most, and four refreshes each.
    """

    def __init__(self, threads: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._clock = clock
        self._running = Counter[str]()
        self._heard = {known: dict[str, float]() for known in _REMEMBERED}  # and when last; the last one stands last

    def begun(self, line: str) -> None:
        """A refresh goes along it."""
        self._running[line] += 1

    def ended(self, line: str, outcome: Outcome | None, seconds: float) -> None:
        """It ended so after so long; None where it broke off before anybody was asked, or for a mistake of ours."""
        self._running[line] -= 1
        if not self._running[line]:
            del self._running[line]
        if outcome in (None, Outcome.NOT_DUE):
            return
        for lines in self._heard.values():
            lines.pop(line, None)
        known = _said(outcome, seconds)
        self._heard[known][line] = self._clock()
        if len(self._heard[known]) > _REMEMBERED[known]:
            del self._heard[known][next(iter(self._heard[known]))]

    @property
    def under_way(self) -> int:
        """How many refreshes run, along all lines."""
        return self._running.total()

    @property
    def free(self) -> int:
        """How many more may begin, as far as there are threads."""
        return self._threads - self.under_way

    @property
    def silent(self) -> int:
        """How many say nothing."""
        return len(self._heard[LineState.SILENT])

    def room(self) -> Room:
        """How many more may go along each."""
        self._forget()
        free = self.free
        lines = dict.fromkeys(self._running, LineState.UNKNOWN)
        lines |= {line: known for known, those in self._heard.items() for line in those}
        return Room(
            _left(0, free),
            {line: (self._left_along(line, known, free), known) for line, known in lines.items()},
            unknown=_left(self._count(LineState.UNKNOWN, LineState.SILENT), free),
            silent=max(0, max(1, int(self._threads * _SILENT_SHARE)) - self._count(LineState.SILENT)),
        )

    def _forget(self) -> None:
        until = self._clock() - FORGET_SECONDS
        silent = self._heard[LineState.SILENT]
        for line in [*takewhile(lambda line: silent[line] <= until, silent)]:
            del silent[line]

    def _known(self, line: str) -> LineState:
        return next((known for known, lines in self._heard.items() if line in lines), LineState.UNKNOWN)

    def _count(self, *which: LineState) -> int:
        return sum(count for line, count in self._running.items() if self._known(line) in which)

    def _left_along(self, line: str, known: LineState, free: int) -> int:
        if known is LineState.SILENT:
            return max(0, TRIALS - self._running[line])
        return _left(self._running[line], free)


def _left(running: int, free: int) -> int:
    """How many may join those that run, until they are `SHARE` times as many as threads are `free`."""
    return max(0, (SHARE * (free + 1) - running) // (SHARE + 1))


def _said(outcome: Outcome | None, seconds: float) -> LineState:
    if outcome is not Outcome.POSTPONED:
        return LineState.ANSWERS
    return LineState.SILENT if seconds >= SILENT_SECONDS else LineState.FAILS
