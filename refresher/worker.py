"""The loop: takes the accounts that are due and hands each to a thread."""

from __future__ import annotations

import queue
import random
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

import structlog

from kimi.errors import Garbled, StoreUnavailable, Unreadable
from kimi.pool.due import DueRefreshes
from kimi.pool.locks import Lock
from refresher.backlog import Backlog
from refresher.lines import THREADS, Lines
from refresher.metrics import Metrics
from refresher.outcomes import Outcome
from refresher.slow_start import SlowStart
from refresher.stopping import Stop

log = structlog.stdlib.get_logger("refresher")

_LOOK_AGAIN: Final = 1.0  # after how long an account is looked at again that was left alone, or could not be stored
_AFTER_A_BUG: Final = 60.0
GARBLED: Final = "what is stored of an account is not understood and left alone: was it written by hand?"
_UNREADABLE: Final = 30.0
_SPACING: Final = (0.05, 0.15)  # between two turns at least; not fixed, so that of several none is always the first

Refresh = Callable[[Lock], Outcome]


class Chore(Protocol):
    """Something that is looked after once a turn."""

    def check(self) -> None:
        """Quick, mostly nothing. Raises `StoreUnavailable`."""


class Chores:
    """Several as one."""

    def __init__(self, *checks: Callable[[], object]) -> None:
        self._checks = checks

    def check(self) -> None:
        """See `Chore.check`."""
        for check in self._checks:
            check()


@dataclass(frozen=True, slots=True)
class _Done:
    name: str
    line: str
    since: float
    future: Future[Outcome]


@dataclass(slots=True)
class _Told:
    """What is told with the next taking of those that were taken before."""

    unused: int = 0  # without Kimi having been asked
    put_off: dict[str, float] = field(default_factory=dict)


class Worker:
    """Refreshes what is due until it is stopped. Only `wake` may be called from other threads.

    A turn comes at least every `idle` seconds: wake-ups may be lost, and the accounts file has to be looked at.
    """

    def __init__(
        self,
        due: DueRefreshes,
        refresh: Refresh,
        chore: Chore,
        stop: Stop,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        backlog: Backlog,
        slow_start: SlowStart,
        threads: int = THREADS,
        idle: float = 1.0,
        rng: random.Random | None = None,
    ) -> None:
        self._due = due
        self._refresh = refresh
        self._chore = chore
        self._stop = stop
        self._metrics = metrics
        self._clock = clock
        self._backlog = backlog
        self._slow_start = slow_start
        self._threads = threads
        self._idle = idle
        self._rng = rng or random.SystemRandom()
        self._lines = Lines(threads)
        self._mail: queue.SimpleQueue[_Done | None] = queue.SimpleQueue()  # its `put` is safe in signal handlers
        self._told = _Told()
        self._needs_end = False
        self._waits_for: type[StoreUnavailable] | None = None
        self._garbled: set[str] = set()  # those that were told
        self.unsaved: list[str] = []

    def wake(self) -> None:
        """Look soon at what is due. Safe in signal handlers."""
        self._mail.put(None)

    def run(self) -> None:
        """Work until `stop` is set, then finish and store what is under way."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="refresh") as pool:
            while not self._stop.is_set():
                self._metrics.turned(self._clock())
                self._read_mail(self._turn(pool))
        while self._lines.under_way:  # all have ended: what they say is there
            self._take(self._mail.get())

    def _turn(self, pool: Executor) -> float:
        """Start what is due; the seconds after which there may be more."""
        try:
            self._chore.check()
            wait = self._start_due(pool)
        except StoreUnavailable as error:
            if self._waits_for is not type(error):  # once for each: Redis may come back with what no key opens
                self._waits_for = type(error)
                log.error("waiting for the store", error=str(error))  # noqa: TRY400
            return self._idle
        if self._waits_for is not None:
            self._waits_for = None
            log.info("the store is back")
        return wait

    def _start_due(self, pool: Executor) -> float:
        room = int(min(self._lines.free, self._slow_start.room))
        if not room:  # the next that ends makes some, or time
            return self._idle
        told = self._told
        taken = self._due.take(room, self._lines.room(), unused=told.unused, put_off=told.put_off)
        self._slow_start.begun(len(taken.locks))
        self._told, self._needs_end = _Told(), taken.waits_for_room
        now = self._clock()
        for lock, line in taken.locks:
            self._lines.begun(line)
            pool.submit(self._refresh, lock).add_done_callback(partial(self._report, lock.name, line, now))
        self._backlog.seen(taken.due, is_held_back=taken.is_held_back, silent=self._lines.silent)
        return self._idle if taken.wait is None else min(self._idle, taken.wait)

    def _report(self, name: str, line: str, since: float, future: Future[Outcome]) -> None:
        self._mail.put(_Done(name, line, since, future))

    def _read_mail(self, seconds: float) -> None:
        """Wait so long for a reason to look sooner at what is due, and never shorter than the spacing of two turns."""
        now = time.monotonic()
        soonest = now + self._rng.uniform(*_SPACING)
        until = max(soonest, now + seconds)
        with suppress(queue.Empty):
            while not self._stop.is_set():
                if self._take(self._mail.get(timeout=max(0.0, until - time.monotonic()))):
                    until = min(until, soonest)

    def _take(self, message: _Done | None) -> bool:
        """Whether there may be something to do now."""
        if message is None:
            return True
        needed_end = self._needs_end or not self._lines.free
        seconds = self._clock() - message.since
        self._lines.ended(message.line, self._finish(message.name, message.future, seconds), seconds)
        return needed_end or bool(self._told.put_off)

    def _finish(self, name: str, future: Future[Outcome], seconds: float) -> Outcome | None:
        """How it ended; None where it broke off."""
        error = future.exception()
        if error is None:
            self._garbled.discard(name)
            outcome = future.result()
            self._metrics.refreshed(outcome, seconds)
            if outcome is Outcome.NOT_DUE:
                self._told.unused += 1
                self._told.put_off[name] = _LOOK_AGAIN
            elif outcome is Outcome.UNSAVED:
                self.unsaved.append(name)
            return outcome
        if isinstance(error, Garbled):
            self._told.unused += 1
            self._told.put_off[name] = _AFTER_A_BUG
            if name not in self._garbled:
                self._garbled.add(name)
                log.error(GARBLED, account=name, error=str(error))
        elif isinstance(error, Unreadable):
            self._told.unused += 1
            self._told.put_off[name] = _UNREADABLE
        elif isinstance(error, StoreUnavailable):
            self._told.put_off[name] = _LOOK_AGAIN
        else:
            self._told.put_off[name] = _AFTER_A_BUG
            log.error("refresh ended in a mistake of ours", account=name, exc_info=error)
        return None
