"""Connections that wait for their next request."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Final

from gateway.http1.wire import Wire

IDLE_SECONDS: Final = 60.0
"""How long a connection waits; servers close those that wait for longer than theirs do."""
MOST: Final = 1000
"""How many wait, for all hosts together."""
_SWEEP_SECONDS: Final = 10.0


class Idle:
    """The one that was used last is used first, so that the others grow old. `clock` is in seconds.

    One on which the other end says something, or which it closes, is closed as soon as the loop sees it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._count = 0
        self._swept = clock()
        self._waiting: dict[Hashable, dict[Wire, float]] = {}  # since when, the oldest first

    def take(self, key: Hashable) -> Wire | None:
        """One on which the other end has neither said anything nor closed."""
        waiting = self._waiting.get(key)
        now = self._clock()
        while waiting:
            wire, since = waiting.popitem()
            self._count -= 1
            wire.rouse()
            if now - since < IDLE_SECONDS and wire.is_quiet():
                return wire
            wire.close()
        return None

    def put(self, key: Hashable, wire: Wire) -> None:
        """Keeps a connection on which an answer was read to its end."""
        now = self._clock()
        if now - self._swept > _SWEEP_SECONDS:
            self._sweep(now)
        if self._count >= self._most:
            wire.close()
            return
        self._count += 1
        self._waiting.setdefault(key, {})[wire] = now
        wire.rest(partial(self._leave, key))

    def close(self) -> None:
        """Closes all of them."""
        self._drop(lambda _: True)

    def _sweep(self, now: float) -> None:
        self._swept = now
        self._drop(lambda since: now - since >= IDLE_SECONDS)

    def _drop(self, is_due: Callable[[float], bool]) -> None:
        for key, waiting in list(self._waiting.items()):
            for wire, since in list(waiting.items()):
                if not is_due(since):
                    break
                self._leave(key, wire)
            if not waiting:
                del self._waiting[key]

    def _leave(self, key: Hashable, wire: Wire) -> None:
        del self._waiting[key][wire]
        self._count -= 1
        wire.close()
