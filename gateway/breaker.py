"""Leaving an upstream alone that fails again and again, while accounts elsewhere serve."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gevent.event import Event

from kimi.accounts import Account
from kimi.errors import KimiError, UpstreamError
from kimi.pool import Lease

log = logging.getLogger(__name__)

FAILURES: Final = 5
"""So many in a row, with no success between them."""
LASTING: Final = 3.0
"""Seconds for which it has to go on: a request that walks over broken accounts to a good one opens nothing."""
SHORTEST: Final = 3.0
LONGEST: Final = 12.0
"""Seconds for which a line is left alone; doubled whenever the probe fails. No longer, because every worker finds out
for itself that it is back."""

FORGET: Final = 600.0
"""Seconds after which failures count no longer: nobody uses the line, it may be of a proxy that was replaced."""


@dataclass(slots=True)
class _Line:
    failures: int = 0
    since: float = 0.0  # the first of the failures
    latest: float = 0.0  # the last one, or when somebody went to find out
    pause: float = 0.0  # the present one; 0 while the line is in use
    until: float = 0.0
    probe: str | None = None  # the lease that finds out, or who just asks for an account and may become it
    is_vain: bool = False  # who asked last for it was given nobody

    def is_closed(self, now: float) -> bool:
        """Whether no new request may ask it."""
        return self.pause > 0 and (now < self.until or self.probe is not None)

    def is_untried(self, now: float) -> bool:
        """Whether it has been left alone for long enough, and somebody should find out."""
        return self.pause > 0 and not self.is_closed(now)


class Breaker:
    """Knows which lines (`Account.line`) are not to be asked just now. One a process; `clock` is in seconds.

    A line that was left alone for long enough gets exactly one request, its probe, and is open to all others again
    once that, or one that was under way before, brings an answer.
    Whoever asks the pool for an account tells so with `ask`, and with `chose` what has come of it: only one at a time
    asks for a line that is to be probed, so that nobody has to give an account back that others are not to ask.
    """

    def __init__(self, clock: Callable[[], float], changed: Callable[[int], object] = lambda _: None) -> None:
        self._clock = clock
        self._changed = changed
        self._lines: dict[str, _Line] = {}  # only those whose latest request failed
        self._verdict = Event()  # a probe has ended
        self._opened: Callable[[], object] = lambda: None

    def when_opened(self, call: Callable[[], object]) -> None:
        """`call` is called whenever a line that was left alone is open to all again."""
        self._opened = call

    def tripped(self) -> frozenset[str]:
        """The lines that no new request may ask."""
        if not self._lines:
            return frozenset()
        now = self._clock()
        self._forget(now)
        return frozenset(line for line, state in self._lines.items() if state.is_closed(now))

    def untried(self) -> frozenset[str]:
        """Those that one new request may ask, to find out."""
        now = self._clock()
        return frozenset(line for line, state in self._lines.items() if state.is_untried(now))

    def ask(self, asker: str) -> frozenset[str]:
        """What is `tripped` for somebody who asks for an account; what is `untried` is so for others until `chose`."""
        tripped, now = self.tripped(), self._clock()
        for state in self._lines.values():
            if state.is_untried(now):
                state.probe = asker
                self._verdict.clear()
        return tripped

    def chose(self, asker: str, lease: Lease | None) -> None:
        """Whoever asked has `lease`, which is the probe if its line is to have one, or nothing."""
        for line, state in self._lines.items():
            if state.probe != asker:
                continue
            if lease is not None and lease.account.line == line:
                state.probe, state.latest = lease.id, self._clock()
            else:
                state.probe, state.is_vain = None, lease is None
        if not self._is_probing() or self._promising():
            self._verdict.set()

    def await_probe(self, seconds: float) -> bool:
        """Waits so long for the end of a probe, where one runs; whether a line may be asked by now."""
        before, ends = self.tripped(), time.monotonic() + seconds
        while self._is_probing() and not (self._promising() or before - self.tripped()):
            self._verdict.clear()  # of several probes another one may go on
            if not self._verdict.wait(max(ends - time.monotonic(), 0.0)):
                break
        return bool(before - self.tripped() or self._promising() or (self.untried() and not self._is_probing()))

    def _promising(self) -> bool:
        """Whether somebody is there, perhaps, for whoever tries one of those that are untried."""
        return any(not self._lines[line].is_vain for line in self.untried())

    def _is_probing(self) -> bool:
        return any(state.probe for state in self._lines.values())

    def remaining(self) -> float:
        """Seconds until the first line that is left alone may be tried; the shortest pause while a probe runs."""
        now = self._clock()
        left = [max(state.until - now, 0.0) for state in self._lines.values() if state.pause]
        return min((seconds or SHORTEST for seconds in left), default=0.0)

    def answered(self, account: Account) -> None:
        """The upstream of `account` lives."""
        state = self._lines.pop(account.line, None) if self._lines else None
        if state is not None and state.pause:
            self._verdict.set()
            log.warning("the upstream of account %s (%s) is there again", account.name, account.kind.value)
            self._tell()
            self._opened()

    def ended(self, account: Account, lease: str, error: KimiError | None) -> None:
        """A request is over: an upstream's error counts, any other means that it lives, none says nothing."""
        if isinstance(error, UpstreamError):
            self._failed(account, lease, error)
        elif error is not None:
            self.answered(account)
        elif self._lines and (state := self._lines.get(account.line)) is not None and state.probe == lease:
            state.probe = None  # its client left before it found out: let another try
            self._verdict.set()

    def _failed(self, account: Account, lease: str, error: UpstreamError) -> None:
        now = self._clock()
        state = self._lines.setdefault(account.line, _Line(since=now))
        state.failures, state.latest = state.failures + 1, now
        if state.pause:
            if state.probe == lease:
                self._leave_alone(state, min(state.pause * 2, LONGEST), now)
                self._verdict.set()
        elif state.failures >= FAILURES and now - state.since >= LASTING:
            self._leave_alone(state, SHORTEST, now)
            log.error(
                "the upstream of account %s (%s) failed %d times in %.0f s and is left alone until it answers: %s: %s",
                account.name,
                account.kind.value,
                state.failures,
                now - state.since,
                type(error).__name__,
                error,
            )
            self._tell()

    def _forget(self, now: float) -> None:
        old = [line for line, state in self._lines.items() if now - state.latest > FORGET and state.probe is None]
        for line in old:
            del self._lines[line]
        if old:
            self._tell()

    @staticmethod
    def _leave_alone(state: _Line, seconds: float, now: float) -> None:
        state.pause, state.until, state.probe = seconds, now + seconds, None

    def _tell(self) -> None:
        self._changed(sum(state.pause > 0 for state in self._lines.values()))
