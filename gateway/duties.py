"""What a worker does behind its requests, and what it finishes before it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import gevent

from gateway.alerting import stand_by
from gateway.cleanup import ChatRemover
from gateway.client_limits import Turnstile
from gateway.client_mirror import ClientMirror
from gateway.completion import Completions
from gateway.ledger import Ledger
from gateway.mistakes import run_for_good
from gateway.pool import Pool
from gateway.reactions import Reactions
from gateway.schema_watch import SchemaWatch
from gateway.seal_watch import SealWatch
from gateway.tracing import Traces
from gateway.waiting import WaitingRoom
from kimi.alerts.watch import Watcher
from kimi.errors import StoreUnavailable
from kimi.pool.counts import Courier
from kimi.pool.drift import DriftBook
from kimi.upstreams.drift import Drift

TICK_SECONDS: Final = 1.0
"""How old the figures are that operators see, and how often the master is followed and it is asked whether a look at
seals, or at the schema, is due.
"""
LAST_SPANS_SECONDS: Final = 1.0
"""What the last spans have at the least to reach their collector when a worker ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """All that has something to do behind requests."""

    pool: Pool
    created: ClientMirror
    turnstile: Turnstile
    waiting: WaitingRoom
    ledger: Ledger
    completions: Completions
    reactions: Reactions
    remover: ChatRemover
    courier: Courier
    drift: Drift
    drift_book: DriftBook
    watcher: Watcher
    seals: SealWatch
    schema: SchemaWatch
    spans: Traces | None
    follow: Callable[[], object]
    """Looks where Redis is, which may have moved."""

    def begin(self, heard: Iterable[str | None]) -> None:
        """Goes about them until the worker ends. `heard` are the tickets that are called, see `Signals.listen`."""
        for run in (self.pool.mirror.run, self.created.run, self.pool.run, self.ledger.run, self.waiting.run):
            run_for_good(run)
        run_for_good(self.pool.hold, self._in_every_round)
        run_for_good(self._tick)
        run_for_good(self._relay, self.pool.calls)
        # That Redis says nothing while it is away is no news to those who wait.
        run_for_good(self._relay, (call for call in heard if not self.pool.away))
        # A mistake in it must not end this worker.
        gevent.spawn(stand_by, self.watcher)

    def settle(self, seconds: float) -> None:
        """Waits so long until everything that was borrowed is given back, and writes down what was not yet."""
        until = time.monotonic() + seconds
        self.completions.join(seconds)
        self.reactions.join(max(until - time.monotonic(), 0.0))
        self.remover.join(max(until - time.monotonic(), 0.0))
        self.ledger.flush()
        self.turnstile.renew()
        self._keep_drift()
        self._deliver()
        self.seals.end()
        self.schema.end()
        if self.spans is not None:
            self.spans.close(max(until - time.monotonic(), LAST_SPANS_SECONDS))

    def _in_every_round(self) -> None:
        self.turnstile.renew()
        self.ledger.hold()
        self._keep_drift()

    def _tick(self) -> None:
        while True:
            gevent.sleep(TICK_SECONDS)
            self.follow()
            self._deliver()
            self.schema.check()  # first: who shows a key and no release is taken for the first one
            self.seals.check()

    def _relay(self, calls: Iterable[str | None]) -> None:
        """Passes calls on to those who wait; everybody is called when some may be lost."""
        for ticket in calls:
            if ticket is None:
                self.waiting.call_all()
            else:
                self.waiting.call(ticket)

    def _keep_drift(self) -> None:
        with suppress(StoreUnavailable):  # it is kept for the next time
            self.drift_book.keep(self.drift)

    def _deliver(self) -> None:
        with suppress(StoreUnavailable):  # it is kept for the next time
            self.courier.deliver()
