"""Talking to the pool so that a client who leaves in the middle cuts nothing in half."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import gevent

from kimi.errors import KimiError

T = TypeVar("T")


class Shielded(Generic[T]):
    """Runs `call` in a greenlet of its own, which nobody kills.

    When whoever waits for it is killed, the call still runs to its end, and `orphaned` gets its result.
    """

    def __init__(self, call: Callable[[], T], orphaned: Callable[[T], object]) -> None:
        self._call = call
        self._orphaned = orphaned
        self._abandoned = False
        self._results: list[T] = []
        self._error: KimiError | None = None

    def result(self) -> T:
        """What the call returns. Raises the `KimiError` that it raised."""
        worker = gevent.spawn(self._run)
        here = False
        try:
            worker.join()
            here = True
        finally:
            self._abandoned = not here
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            result = self._call()
        except KimiError as error:
            self._error = error
            return
        if self._abandoned:
            self._orphaned(result)
        else:
            self._results.append(result)
