"""What cuts a process off from a Redis that has failed, so that nobody waits for it twice."""

from __future__ import annotations

import queue
from collections.abc import Callable

from kimi.errors import StoreUnavailable


class Fuse:
    """Blows at the first failure of a store; from then on every command fails at once, until somebody mends it.

    A command runs within the fuse: `with fuse` raises `StoreUnavailable` when it is blown.
    No more than `at_once` run at the same time. Whoever comes later waits here, where a fuse that blows meanwhile is
    seen, and not behind commands that time out one after the other.
    """

    def __init__(self, at_once: int = 20) -> None:
        # Under gevent each release of a `threading.Semaphore` lets all other greenlets run before it goes on.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(at_once):
            self._slots.put(None)
        self._reason: str | None = None
        self._tell: Callable[[str], object] = lambda _reason: None
        self.under_way = 0

    @property
    def blown(self) -> bool:
        """Whether commands fail without being sent."""
        return self._reason is not None

    def when_blown(self, tell: Callable[[str], object]) -> None:
        """Has `tell` called with the reason each time that the fuse blows, before anybody hears of the failure."""
        self._tell = tell

    def __enter__(self) -> None:
        self._check()
        self._slots.get()
        self.under_way += 1
        try:
            self._check()
        except StoreUnavailable:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self.under_way -= 1
        self._slots.put(None)

    def blow(self, reason: str) -> bool:
        """A command has failed; False when that was known."""
        if self.blown:
            return False
        self._reason = reason
        self._tell(reason)
        return True

    def mend(self) -> None:
        """Commands are sent again. Not to be called while any is `under_way`: it may fail late."""
        self._reason = None

    def _check(self) -> None:
        if self._reason is not None:
            raise StoreUnavailable(self._reason)
