"""The line of those who want something checked: one process does that for a worker, one task after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from signal import SIGPROF
from typing import Any, Final

import gevent
from gevent.event import AsyncResult

from gateway.schemas.process import Process
from gateway.schemas.recent import Recent
from gateway.validator.frames import Wanted
from kimi.errors import Crowded

log = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds in which whoever asks wants to hear what became of it."""
_LONGEST: Final = 5.0
"""Seconds that one task may take, which has half a second of a processor; who takes more than that waits like this."""
_NEW: Final = 0.02
"""Seconds of a processor that a schema is thought to take of which nothing is known."""
_KNOWN: Final = 4_096


@dataclass(order=True, slots=True)
class _Task:
    seconds: float
    number: int
    said: tuple[Wanted, bytes, bytes] = field(compare=False)
    answer: AsyncResult[tuple[Any, float]] = field(compare=False, default_factory=AsyncResult)
    is_awaited: bool = field(compare=False, default=True)


class Line:
    """Has those go first whose schemas have taken least so far, and starts a process when there is none."""

    def __init__(self, start: Callable[[], Process] = Process, *, patience: float = PATIENCE) -> None:
        """`patience` is in seconds."""
        self.process: Process | None = None
        self._start = start
        self._patience = patience
        self._waiting: list[_Task] = []
        self._numbers = count()
        self._is_served = False
        self._taken: Recent[float] = Recent(_KNOWN)

    def ask(self, wanted: Wanted, schema: bytes, value: bytes, name: bytes) -> Any:
        """What the process says; None where that takes too much. `name` is the schema's. Raises `Crowded`."""
        most = self._taken.get(name)
        task = _Task(_NEW if most is None else most, next(self._numbers), (wanted, schema, value))
        heappush(self._waiting, task)
        if not self._is_served:
            self._is_served = True
            gevent.spawn(self._serve)
        try:
            task.answer.wait(self._patience)
        finally:
            task.is_awaited = False
        if not task.answer.ready():
            raise Crowded("too many schemas are checked at a time", retry_after=self._patience)
        said, seconds = task.answer.get()
        self._taken.keep(name, max(seconds, most or 0))
        return said

    def end(self) -> int:
        """Ends the process: which signal has, in case that one had before. The next task has another."""
        process, self.process = self.process, None
        return 0 if process is None else process.end()

    def _serve(self) -> None:
        try:
            while self._waiting:
                task = heappop(self._waiting)
                if task.is_awaited:
                    self._carry_out(task)
        finally:
            self._is_served = False

    def _carry_out(self, task: _Task) -> None:
        try:
            task.answer.set(self._said(task))
        except OSError as error:
            log.warning("nothing can be checked by a JSON schema, for no process begins: %s", error)
            task.answer.set_exception(Crowded("no process for schemas", retry_after=self._patience))

    def _said(self, task: _Task) -> tuple[Any, float]:
        """A process that ends for another reason than its time, as one that somebody has killed, is tried twice."""
        for _ in range(2):
            process = self.process = self.process or self._start()
            try:
                with gevent.Timeout(_LONGEST):
                    return process.ask(*task.said)
            except (EOFError, gevent.Timeout):
                if self.end() == SIGPROF:
                    break
            except OSError:
                self.end()
                raise
        return None, _LONGEST
