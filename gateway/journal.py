"""One log line and one set of figures a request."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from structlog.contextvars import bind_contextvars, unbind_contextvars

from gateway.journal_line import line
from gateway.metrics import Metrics
from gateway.tallying import tally
from gateway.tracing import Traces
from kimi import logs
from kimi.events import Usage
from kimi.pool.counts import Counts

_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Probes come every few seconds and have nothing to tell."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """What is known of a request so far. Durations are in seconds.

    `client` is the number of its key, or a word; `key_id` is what a key that was created keeps, whatever it is called.
    """

    request_id: str
    method: str
    route: str
    started: float
    client: int | str | None = None
    key_id: str | None = None
    model: str | None = None
    stream: bool | None = None
    status: int = 0
    outcome: str = "ok"
    account: str | None = None
    kind: str | None = None
    attempts: int | None = None
    failovers: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()  # the accounts behind `failovers`
    queue_seconds: float | None = None
    first_event_seconds: float | None = None
    events: int | None = None
    usage: Usage | None = None
    traceparent: str | None = None  # of the client, as it came
    streaming: bool = False  # its answer is still being written when the application returns

    @property
    def is_question(self) -> bool:
        """Whether it was understood as one that a model is to answer."""
        return self.stream is not None


class Journal:
    """Writes entries, each once it is complete."""

    def __init__(self, metrics: Metrics, counts: Counts, traces: Traces | None = None) -> None:
        self._metrics = metrics
        self._traces = traces
        self._counts = counts
        self._line = logs.writer("gateway.request", "request", for_people=line)

    def begin(self, entry: Entry) -> None:
        """From now on the lines of this greenlet, and of those that it makes, have the id of `entry`."""
        bind_contextvars(request_id=entry.request_id)

    def write(self, entry: Entry, now: float) -> None:
        """Logs and counts `entry`, which is over; `now` is on the clock that `started` was read from."""
        unbind_contextvars("request_id")
        total = now - entry.started
        self._count(entry, total)
        fields = _fields(entry, total)
        if entry.route in _QUIET:
            self._line(logging.DEBUG, fields)
            return
        if self._traces is not None:
            fields["trace_id"] = self._traces.note(entry, total)
        self._line(logging.INFO, fields)

    def _count(self, entry: Entry, total: float) -> None:
        tally(entry, total, self._counts)
        metrics = self._metrics
        metrics.answered(entry.route, entry.status, bool(entry.stream)).inc()
        if entry.outcome != "ok":
            metrics.failed(entry.outcome).inc()
        if entry.is_question:
            metrics.ended(entry.outcome).inc()
        if entry.attempts is None:
            return
        metrics.duration.observe(total)
        metrics.queued.observe(entry.queue_seconds or 0.0)
        metrics.leases.inc(entry.attempts)
        for reason in entry.failovers:
            metrics.failed_over(reason).inc()
        if entry.first_event_seconds is not None:
            metrics.first_event.observe(entry.first_event_seconds)
            if entry.events:
                metrics.event.observe((total - entry.first_event_seconds) / entry.events)
        if entry.usage is not None:
            metrics.prompt_tokens.inc(entry.usage.prompt)
            metrics.completion_tokens.inc(entry.usage.completion)


def _fields(entry: Entry, total: float) -> dict[str, Any]:
    """All that is known."""
    fields = {
        "request_id": entry.request_id,
        "method": entry.method,
        "route": entry.route,
        "status": entry.status,
        "outcome": entry.outcome,
        "client": entry.client,
        "model": entry.model and entry.model[:100],
        "stream": entry.stream,
        "account": entry.account,
        "kind": entry.kind,
        "attempts": entry.attempts,
        "failovers": list(entry.failovers) or None,
        "failed_accounts": list(entry.failed) or None,
        "queue_seconds": _rounded(entry.queue_seconds),
        "first_event_seconds": _rounded(entry.first_event_seconds),
        "total_seconds": _rounded(total),
        "events": entry.events,
        "prompt_tokens": entry.usage and entry.usage.prompt,
        "completion_tokens": entry.usage and entry.usage.completion,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
