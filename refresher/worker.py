"""The loop: finds the accounts that are due and hands each to a thread."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from kimi.errors import StoreUnavailable
from kimi.pool import TokenStore
from refresher.metrics import Metrics
from refresher.outcomes import Outcome
from refresher.stopping import Stop

log = structlog.stdlib.get_logger("refresher")

THREADS: Final = 16
_LEFT_ALONE: Final = (Outcome.LOCKED, Outcome.NOT_DUE)
_LOOK_AGAIN: Final = 1.0  # after how long an account is looked at again that was left alone, or could not be stored
_AFTER_A_BUG: Final = 60.0


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
    future: Future[Outcome]


class Worker:
    """Refreshes what is due until it is stopped. Only `wake` may be called from other threads.

    A turn comes at least every `idle` seconds: wake-ups may be lost, and the accounts file has to be looked at.
    """

    def __init__(
        self,
        tokens: TokenStore,
        refresh: Callable[[str], Outcome],
        chore: Chore,
        stop: Stop,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        threads: int = THREADS,
        idle: float = 1.0,
    ) -> None:
        self._tokens = tokens
        self._refresh = refresh
        self._chore = chore
        self._stop = stop
        self._metrics = metrics
        self._clock = clock
        self._threads = threads
        self._idle = idle
        self._mail: queue.SimpleQueue[_Done | str] = queue.SimpleQueue()  # its `put` is safe in signal handlers
        self._running: dict[str, float] = {}  # since when
        self._not_before: dict[str, float] = {}
        self._waits_for: type[StoreUnavailable] | None = None
        self.unsaved: list[str] = []

    def wake(self, name: str = "") -> None:
        """Look at once at what is due; `name` has become due. Safe in signal handlers."""
        self._mail.put(name)

    def run(self) -> None:
        """Work until `stop` is set, then finish and store what is under way."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="refresh") as pool:
            while not self._stop.is_set():
                self._metrics.turned(self._clock())
                self._read_mail(self._turn(pool))
        while self._running:
            self._read_mail(None)

    def _turn(self, pool: Executor) -> float:
        """Start what is due; the seconds after which there may be more."""
        try:
            self._chore.check()
            return self._start_due(pool)
        except StoreUnavailable as error:
            if self._waits_for is not type(error):  # once for each: Redis may come back with what no key opens
                self._waits_for = type(error)
                log.error("waiting for the store", error=str(error))  # noqa: TRY400
            return self._idle

    def _start_due(self, pool: Executor) -> float:
        now = self._clock()
        self._not_before = {name: when for name, when in self._not_before.items() if when > now}
        free = self._threads - len(self._running)
        names = self._tokens.due(free + len(self._running) + len(self._not_before)) if free else []
        waiting = [name for name in names if name not in self._running and name not in self._not_before]
        for name in waiting[:free]:
            self._running[name] = now
            pool.submit(self._refresh, name).add_done_callback(partial(self._report, name))
        soonest = self._tokens.next_due()
        if self._waits_for is not None:
            self._waits_for = None
            log.info("the store is back")
        return self._sleep(now, soonest)

    def _report(self, name: str, future: Future[Outcome]) -> None:
        self._mail.put(_Done(name, future))

    def _sleep(self, now: float, soonest: float | None) -> float:
        if soonest is None or soonest <= now:  # the soonest is under way, or not to be touched yet
            soonest = min(self._not_before.values(), default=now + self._idle)
        return min(self._idle, soonest - now)

    def _read_mail(self, seconds: float | None) -> None:
        """Wait so long for the first message, and take all that are there."""
        try:
            self._take(self._mail.get(timeout=seconds))
            while True:
                self._take(self._mail.get_nowait())
        except queue.Empty:
            return

    def _take(self, message: _Done | str) -> None:
        if isinstance(message, str):
            self._not_before.pop(message, None)
            return
        seconds = self._clock() - self._running.pop(message.name)
        self._finish(message.name, message.future, seconds)

    def _finish(self, name: str, future: Future[Outcome], seconds: float) -> None:
        error = future.exception()
        if error is None:
            outcome = future.result()
            self._metrics.refreshed(outcome, seconds)
            if outcome in _LEFT_ALONE:
                self._not_before[name] = self._clock() + _LOOK_AGAIN
            elif outcome is Outcome.UNSAVED:
                self.unsaved.append(name)
        elif isinstance(error, StoreUnavailable):
            self._not_before[name] = self._clock() + _LOOK_AGAIN
        else:
            self._not_before[name] = self._clock() + _AFTER_A_BUG
            log.error("refresh ended in a mistake of ours", account=name, exc_info=error)
