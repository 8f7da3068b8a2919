"""Talking to the pool so that a client who leaves in the middle cuts nothing in half."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

import gevent

from kimi.errors import KimiError

T = TypeVar("T")


class Shielded(Generic[T]):
    """Runs `call` in a greenlet of its own, which nobody kills.

    When whoever waits for it is killed, the call still runs to its end: `orphaned` gets its result, and `refused` is
    called if there is none.
    """

    def __init__(
        self, call: Callable[[], T], orphaned: Callable[[T], object], refused: Callable[[], object] = lambda: None
    ) -> None:
        self._call = call
        self._orphaned = orphaned
        self._refused = refused
        self._error: KimiError | None = None

    def result(self) -> T:
        """What the call returns. Raises the `KimiError` that it raised."""
        worker: Any = gevent.spawn(self._run)
        with ExitStack() as if_killed:
            # In a greenlet of its own, also where the call has just ended.
            if_killed.callback(worker.link_value, self._clean_up)
            worker.join()
            if_killed.pop_all()
        if self._error is not None:
            raise self._error
        result: T = worker.get()
        return result

    def _run(self) -> T | None:
        try:
            return self._call()
        except KimiError as error:  # one that nobody caught in a greenlet would be printed
            self._error = error
            return None

    def _clean_up(self, worker: Any) -> None:
        if self._error is None:
            self._orphaned(worker.value)
        else:
            self._refused()
