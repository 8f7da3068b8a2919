"""Letting others have their turn during work that would not wait by itself, and not doing such work again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

import gevent

from kimi.breathing import SECONDS

T = TypeVar("T")

_AT_A_TIME: Final = 1_000
"""Messages, say: understanding them takes 10 ms."""


def breathe() -> None:
    """Lets all those run that can, and looks whether anything has come for others."""
    gevent.sleep(SECONDS)


class Turns:
    """Lets others have their turn in work that has gone on for `seconds` since they had it. `clock` is in seconds."""

    __slots__ = ("_clock", "_rested", "_seconds")

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._rested = clock()

    def rest_if_due(self) -> None:
        """For whoever is between two pieces of such work."""
        if self._clock() - self._rested > self._seconds:
            breathe()
            self._rested = self._clock()


class OnceATurn(Generic[T]):
    """What is made once in a turn of the event loop, however many there are who want it then."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: tuple[int, T] | None = None

    def get(self) -> T:
        """It is as new as anything that is made meanwhile can be."""
        turn: int = gevent.get_hub().loop.iteration
        if self._made is None or self._made[0] != turn:
            self._made = turn, self._make()
        return self._made[1]


def unhurried(items: Sequence[T]) -> Iterator[T]:
    """Each of `items`. Others have their turn now and then where there are many."""
    for start in range(0, len(items), _AT_A_TIME):
        if start:
            breathe()
        yield from items[start : start + _AT_A_TIME]
