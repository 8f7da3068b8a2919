"""What Prometheus reads of this gateway. Every label has few values, all of them ours; docs/metrics.md tells them.

In the files that workers share there is no `Info` and no `Enum`, and a gauge cannot be asked when it is read: each is
set when something changes. What holds for the whole pool is told by the refresher, which is one process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache, partial
from typing import Any, Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.scratch import DIRECTORY
from kimi.version import VERSION

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_FIRST_EVENT: Final = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
_EVENT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_DURATION: Final = (0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1800)
_STORE: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)


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
    """The figures of this worker, and the text for all of them.

    What has labels is called with their values: the figures behind them are kept, as `labels` takes ten times as long.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._of_requests()
        self._of_accounts()
        self._of_the_worker()

    def _of_requests(self) -> None:
        self._requests = self._counter(
            "requests",
            "Requests answered, by route, status and whether the answer was streamed.",
            ("route", "status", "stream"),
        )
        self.answered = cache(self._answered)
        failures = self._counter(
            "failures", "Answers that ended in an error, by its code; streams that had begun are among them.", ("code",)
        )
        self.failed = cache(failures.labels)
        answers = self._counter(
            "answers", "Questions to models, by how they ended: ok, or the code of an error.", ("outcome",)
        )
        self.ended = cache(answers.labels)
        self.first_event = self._histogram(
            "first_event_seconds", "Time from the request to the first piece of its answer.", _FIRST_EVENT
        )
        self.event = self._histogram(
            "event_seconds", "Time between two pieces of an answer, one mean for each answer.", _EVENT
        )
        self.duration = self._histogram(
            "completion_seconds", "Time from the request to the end of its answer.", _DURATION
        )
        self.queued = self._histogram("queue_seconds", "Time that a request waited for a free account.", _FIRST_EVENT)
        self.waiting = self._gauge("queue_depth", "Requests that wait for a free account.", "livesum")
        self.in_flight = self._gauge("in_flight", "Answers under way.", "livesum")
        limited = self._counter("key_limits_reached", "Requests that met a limit of their client key.", ("limit",))
        self.limited = cache(limited.labels)
        tokens = self._counter("tokens", "Tokens read and written.", ("direction",))
        self.prompt_tokens, self.completion_tokens = tokens.labels("prompt"), tokens.labels("completion")

    def _of_accounts(self) -> None:
        self.leases = self._counter("leases", "Accounts that were leased.")
        self.leases_from_memory = self._counter("leases_from_memory", "Accounts that were leased while Redis was away.")
        failovers = self._counter("failovers", "Accounts that failed before any output, by their error.", ("reason",))
        self.failed_over = cache(failovers.labels)
        again = self._counter(
            "asked_again", "Answers that were not in the form asked for, so that the model was asked twice.", ("form",)
        )
        self.asked_again = cache(again.labels)
        conversations = self._counter(
            "conversations",
            "Conversations that went on in their own chat, with their whole history in another, or were lost.",
            ("fate",),
        )
        self.went_on = cache(conversations.labels)
        drift = self._counter(
            "drift",
            "Things that Kimi said and this release does not know, by the kind of account and what it was.",
            ("kind", "what"),
        )
        self.drifted = cache(drift.labels)

    def _of_the_worker(self) -> None:
        self.lines_left_alone = self._gauge(
            "upstreams_left_alone",
            "Ways to an upstream that are not used just now because everything on them failed.",
            "livemax",
        )
        self.store_up = self._gauge(
            "store_up", "1 while Redis answers, 0 while one worker or more goes on from memory.", "livemin"
        )
        self.store = self._histogram("store_seconds", "Time of one small command to Redis, once a second.", _STORE)
        self.viewers = self._gauge("viewers", "Live pages of operators that are open.", "livesum")
        self._gauge("workers", "Worker processes that live.", "livesum").set(1)
        info = self._gauge("info", "1, with the release as its label.", "livemax", ("version",))
        info.labels(VERSION).set(1)

    def text(self) -> bytes:
        """Everything in Prometheus's text format, over all workers where there are several."""
        if not os.environ.get(DIRECTORY):
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)

    def _answered(self, route: str, status: int, stream: bool) -> Counter:
        """The count of such answers."""
        return self._requests.labels(route, str(status), str(stream).lower())

    def _counter(self, name: str, told: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(f"kimi_gateway_{name}", told, labels, registry=self._registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"kimi_gateway_{name}", told, buckets=buckets, registry=self._registry)

    def _gauge(
        self, name: str, told: str, over: Literal["livesum", "livemax", "livemin"], labels: Iterable[str] = ()
    ) -> Gauge:
        """A gauge that tells of those workers alone that live."""
        return Gauge(f"kimi_gateway_{name}", told, labels, registry=self._registry, multiprocess_mode=over)
