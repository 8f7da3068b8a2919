"""Refresh tokens that were taken and whose worth Kimi is asked for, by who sent them."""

from __future__ import annotations

from collections import deque
from typing import Final

from kimi.accounts import ConfiguredAccount

MOST: Final = 100
"""So many a worker remembers."""


class Undecided:
    """Accounts of such tokens. There are none where the sender is None: nobody is counted there."""

    def __init__(self) -> None:
        self._noted: deque[tuple[str, ConfiguredAccount]] = deque(maxlen=MOST)

    def note(self, sender: str | None, member: ConfiguredAccount) -> None:
        """Remembers one, in the place of the oldest where there are too many."""
        if sender is not None:
            self._noted.append((sender, member))

    def pop(self, sender: str | None) -> list[ConfiguredAccount]:
        """Those of `sender`, which are remembered no longer."""
        found = [member for whose, member in self._noted if whose == sender]
        if found:
            self._noted = deque((each for each in self._noted if each[0] != sender), maxlen=MOST)
        return found
