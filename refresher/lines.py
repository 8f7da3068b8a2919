"""How many refreshes may go along one line, so that a proxy that says nothing holds up its own accounts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from kimi.http.contract import CONNECT_SECONDS
from kimi.pool.due import PUT_OFF
from refresher.outcomes import Outcome

SILENT_SECONDS: Final = CONNECT_SECONDS * 0.8
"""A refresh that has failed after as long met nobody, or somebody who said nothing."""
TRIALS: Final = 4
"""So many look whether anybody is there again; one answer is enough to open the line to all."""


class Lines:
    """Counts what is under way. A line is one host behind one proxy; most installations have one or two.

    `a_line` is how many refreshes may be under way along each that answers.
    """

    def __init__(self, a_line: int) -> None:
        self.a_line = a_line
        self._running: Counter[str] = Counter()
        self._silent: set[str] = set()

    def begun(self, line: str) -> None:
        """A refresh goes along it."""
        self._running[line] += 1

    def ended(self, line: str, outcome: Outcome | None, seconds: float) -> None:
        """It ended so after so long; None where it broke off before anybody was asked, or for a mistake of ours."""
        self._running[line] -= 1
        if not self._running[line]:
            del self._running[line]
        if outcome is Outcome.POSTPONED and seconds >= SILENT_SECONDS:
            self._silent.add(line)
        elif outcome not in (None, Outcome.LOCKED, Outcome.NOT_DUE):
            self._silent.discard(line)

    def room(self) -> Mapping[str, int]:
        """How many more may go along each; those that answer and along which nothing is under way are left out."""
        return {line: self._left(line) for line in self._running.keys() | self._silent}

    def _left(self, line: str) -> int:
        if line not in self._silent:
            return self.a_line - self._running[line]
        return max(TRIALS - self._running[line], 0) or PUT_OFF
