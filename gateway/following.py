"""Copies of what stands in Redis, in this worker's memory."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from kimi.errors import StoreUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

SECONDS: Final = 1.0
"""How old a copy may be; looking for changes is one small command."""


class Follower(ABC, Generic[T]):
    """Keeps a copy of what changes in Redis, a second old at most while that answers. `what` it is the log says."""

    def __init__(self, what: str, pause: Callable[[float], object]) -> None:
        self._what = what
        self._pause = pause
        self._number = 0
        self._goal = 0
        self._laps = 0
        self._coming: dict[str, T] = {}
        self._copies: dict[str, T] | None = None

    @property
    def seconds(self) -> float:
        """Between two looks."""
        return SECONDS

    def run(self) -> None:
        """Keeps the copy fresh, for ever."""
        while True:
            try:
                self.refresh()
            except StoreUnavailable as error:
                log.debug("the copy of %s grows old: %s", self._what, error)
            self._pause(self.seconds)

    def refresh(self) -> None:
        """Reads what has changed. Raises `StoreUnavailable`; after that all is read anew, as Redis may have lost some.

        What was known stays until everything has been read that stood there when reading began, and what changed
        meanwhile once more: that has moved behind the former. What changes during this short second lap as well may be
        missing until it is told of; to wait for that too could take for ever where much changes.
        """
        try:
            self._look_around()
            while self._read_page():
                self._between_pages()
        except StoreUnavailable:
            self._begin_anew()
            raise

    def _look_around(self) -> None:
        """Comes before every reading, and may begin anew. Raises `StoreUnavailable`."""

    def _between_pages(self) -> None:
        """Comes where there is more to read."""

    @abstractmethod
    def _changes(self, number: int) -> tuple[int, int, Sequence[T]]:
        """Up to which number this tells what has changed after `number`, the last number of all, and what has changed.

        A last one below `number` says that Redis may have lost something. Raises `StoreUnavailable`.
        """

    @abstractmethod
    def _take(self, changed: T) -> None:
        """Enters it into what is coming, or takes it out there."""

    def _read_page(self) -> bool:
        """Whether there is more to read."""
        number, latest, changed = self._changes(self._number)
        if latest < self._number:
            self._begin_anew()
            return True
        if self._number == 0:
            self._goal, self._laps = latest, 0
        for each in changed:
            self._take(each)
        self._number = number
        if number >= self._goal:
            self._goal, self._laps = latest, self._laps + 1
            if self._copies is None or self._laps == 2 or number == latest:
                self._copies = self._coming
        return number < latest

    def _begin_anew(self) -> None:
        self._number = 0
        self._coming = {}
