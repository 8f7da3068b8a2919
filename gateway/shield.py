"""Talking to the pool so that a client who leaves in the middle cuts nothing in half."""

from __future__ import annotations

from collections.abc import Callable
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
        self._abandoned = False
        self._error: KimiError | None = None

    def result(self) -> T:
        """What the call returns. Raises the `KimiError` that it raised."""
        worker: Any = gevent.spawn(self._run)
        here = False
        try:
            worker.join()
            here = True
        finally:
            self._abandoned = not here
        if self._error is not None:
            raise self._error
        result: T = worker.get()
        return result

    def _run(self) -> T | None:
        try:
            result = self._call()
        except KimiError as error:  # one that nobody caught in a greenlet would be printed
            self._error = error
            if self._abandoned:
                self._refused()
            return None
        if self._abandoned:
            self._orphaned(result)
        return result
