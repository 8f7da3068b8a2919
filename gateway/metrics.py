"""What Prometheus reads of this gateway. Every label has few values, all of them ours."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.scratch import DIRECTORY

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_FIRST_EVENT: Final = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
_DURATION: Final = (0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1800)


def keep_as(process: int) -> None:
    """Keeps figures that are made from now on as those of `process`, this one, which counts in one thread only.

    Otherwise it is asked for its number and for a lock at every figure, a dozen times a request.
    """
    if not os.environ.get(DIRECTORY):
        return
    kept: Any = values.MultiProcessValue(partial(int, process))  # type: ignore[no-untyped-call]

    class Value(kept):  # type: ignore[misc]
        def inc(self, amount: float) -> None:
            self._value += amount
            self._file.write_value(self._key, self._value, 0.0)

    values.ValueClass = Value


class Metrics:
    """The figures of this worker, and the text for all of them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answered: dict[tuple[str, int, bool], Counter] = {}
        self._requests = Counter(
            "kimi_gateway_requests",
            "Requests answered, by route, status and whether the answer was streamed.",
            ("route", "status", "stream"),
            registry=self._registry,
        )
        self.failures = Counter(
            "kimi_gateway_failures",
            "Answers that ended in an error, by its code; streams that had begun are among them.",
            ("code",),
            registry=self._registry,
        )
        self.first_event = Histogram(
            "kimi_gateway_first_event_seconds",
            "Time from the request to the first piece of its answer.",
            buckets=_FIRST_EVENT,
            registry=self._registry,
        )
        self.duration = Histogram(
            "kimi_gateway_completion_seconds",
            "Time from the request to the end of its answer.",
            buckets=_DURATION,
            registry=self._registry,
        )
        self.queued = Histogram(
            "kimi_gateway_queue_seconds",
            "Time that a request waited for a free account.",
            buckets=_FIRST_EVENT,
            registry=self._registry,
        )
        tokens = Counter("kimi_gateway_tokens", "Tokens read and written.", ("direction",), registry=self._registry)
        self.prompt_tokens, self.completion_tokens = tokens.labels("prompt"), tokens.labels("completion")
        self.failovers = Counter(
            "kimi_gateway_failovers", "Accounts that failed before any output.", registry=self._registry
        )
        self.conversations = Counter(
            "kimi_gateway_conversations",
            "Conversations that went on in their own chat, with their whole history in another, or were lost.",
            ("fate",),
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "kimi_gateway_in_flight",
            "Answers under way.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )

        self.lines_left_alone = Gauge(
            "kimi_gateway_upstreams_left_alone",
            "Ways to an upstream that are not used just now because everything on them failed.",
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self.store_up = Gauge(
            "kimi_gateway_store_up",
            "1 while Redis answers, 0 while one worker or more goes on from memory.",
            registry=self._registry,
            multiprocess_mode="livemin",
        )
        self.drift = Counter(
            "kimi_gateway_drift",
            "Things that Kimi said and this release does not know, by the kind of account and what it was.",
            ("kind", "what"),
            registry=self._registry,
        )
        self.leases_from_memory = Counter(
            "kimi_gateway_leases_from_memory",
            "Accounts that were leased while Redis was away.",
            registry=self._registry,
        )

    def answered(self, route: str, status: int, *, stream: bool) -> Counter:
        """The count of such answers."""
        key = route, status, stream
        known = self._answered.get(key)  # `labels` takes ten times as long
        if known is None:
            known = self._answered[key] = self._requests.labels(route, str(status), str(stream).lower())
        return known

    def text(self) -> bytes:
        """Everything in Prometheus's text format, over all workers where there are several."""
        if not os.environ.get(DIRECTORY):
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)
