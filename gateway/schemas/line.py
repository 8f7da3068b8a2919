"""The line of those who want something checked: one process does that for a worker, one task after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from signal import SIGABRT, SIGBUS, SIGPROF, SIGSEGV
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
_OF_A_TASK: Final = frozenset({-SIGPROF, -SIGABRT, -SIGSEGV, -SIGBUS})
"""How a process ends that a task was too much for: its time, its memory or its stack. Others are killed by somebody."""


@dataclass(slots=True)
class _Task:
    wanted: Wanted
    schema: bytes
    value: bytes
    name: bytes
    answer: AsyncResult[Any] = field(default_factory=AsyncResult)


class Line:
    """Has values go before schemas, for their answers are paid for, and of both those whose schemas last took least.

    It starts a process when there is none.
    """

    def __init__(self, start: Callable[[], Process] = Process, *, patience: float = PATIENCE) -> None:
        """`patience` is in seconds."""
        self.process: Process | None = None
        self.can_be_read: Final[Recent[bool]] = Recent(_KNOWN)
        """Schemas of which that is known: all of them are schemas, or take too much to be read."""
        self._start = start
        self._patience = patience
        self._waiting: dict[tuple[bool, float, int], _Task] = {}  # by whose turn it is, the least first
        self._numbers = count()
        self._is_served = False
        self._taken: Recent[float] = Recent(_KNOWN)

    def ask(self, wanted: Wanted, schema: bytes, value: bytes, name: bytes) -> Any:
        """What the process says; None where that takes too much. `name` is the schema's. Raises `Crowded`."""
        taken = self._taken.get(name)
        turn = (wanted is Wanted.READING, _NEW if taken is None else taken, next(self._numbers))
        task = self._waiting[turn] = _Task(wanted, schema, value, name)
        if not self._is_served:
            self._is_served = True
            gevent.spawn(self._serve)
        try:
            task.answer.wait(self._patience)
        finally:
            self._waiting.pop(turn, None)
        if not task.answer.ready():
            raise Crowded("too many schemas are checked at a time", retry_after=self._patience)
        return task.answer.get()

    def end(self) -> int:
        """Ends the process, and says how it has ended. The next task has another."""
        process, self.process = self.process, None
        return 0 if process is None else process.end()

    def _serve(self) -> None:
        try:
            while self._waiting:
                self._carry_out(self._waiting.pop(min(self._waiting)))
        finally:
            self._is_served = False

    def _carry_out(self, task: _Task) -> None:
        """What is found of a schema is kept, whether somebody waits for it or not."""
        try:
            said, seconds = self._said(task)
        except (OSError, EOFError) as error:
            log.warning("nothing is checked by a JSON schema, for the process that does so does not run: %s", error)
            task.answer.set_exception(Crowded("no process for schemas", retry_after=self._patience))
            return
        self._taken.keep(task.name, seconds)
        if task.wanted is Wanted.READING and not said:
            self.can_be_read.keep(task.name, said is not None)
        task.answer.set(said)

    def _said(self, task: _Task) -> tuple[Any, float]:
        """Tries it twice where the process ends for another reason than its time, such as earlier schemas.

        Raises `OSError` where none can be started, and `EOFError` where the task has no part in that end.
        """
        ended = 0
        for _ in range(2):
            process = self.process = self.process or self._start()
            try:
                with gevent.Timeout(_LONGEST):
                    return process.ask(task.wanted, task.schema, task.value)
            except (EOFError, gevent.Timeout):
                ended = self.end()
                if ended == -SIGPROF:
                    break
        if ended in _OF_A_TASK:
            return None, _LONGEST
        raise EOFError(f"it ended twice, with {ended}")
