"""Figures of the refresher, in a registry that is passed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kimi.accounts import Kind, Record, State
from kimi.errors import StoreUnavailable
from refresher.refreshing import Outcome

STALLED_SECONDS = 60.0


class Metrics:
    """What the loop has done."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._refreshes = prometheus_client.Counter(
            "kimi_refresher_refreshes", "Refreshes by how they ended.", ["result"], registry=registry
        )
        for outcome in Outcome:
            self._refreshes.labels(outcome.value)
        self._turned = Gauge(
            "kimi_refresher_last_turn_timestamp_seconds", "When the loop last turned.", registry=registry
        )
        self._last_turn = 0.0
        self._deletions = prometheus_client.Counter(
            "kimi_refresher_chat_deletions",
            "Chats that were left behind, by how it ended.",
            ["result"],
            registry=registry,
        )
        for result in ("deleted", "failed"):
            self._deletions.labels(result)
        self._chats = Gauge(
            "kimi_refresher_chats",
            "Chats that are not deleted yet, those of running requests included.",
            registry=registry,
        )
        self._drift = prometheus_client.Counter(
            "kimi_refresher_drift",
            "Things that Kimi said and this release does not know, by the kind of account and what it was.",
            ["kind", "what"],
            registry=registry,
        )
        self._sweeps = prometheus_client.Counter("kimi_refresher_sweeps", "Rounds of the janitor.", registry=registry)

    def refreshed(self, outcome: Outcome) -> None:
        """The refresh of an account has ended."""
        self._refreshes.labels(outcome.value).inc()

    def turned(self, now: float) -> None:
        """The loop has turned at `now`, in Unix seconds."""
        self._last_turn = now
        self._turned.set(now)

    def chat_deleted(self) -> None:
        """The janitor has deleted a chat."""
        self._deletions.labels("deleted").inc()

    def chat_stays(self) -> None:
        """The janitor could not delete a chat, and will try again."""
        self._deletions.labels("failed").inc()

    def drifted(self, kind: Kind, what: str) -> None:
        """Kimi said something unknown."""
        self._drift.labels(kind.value, what).inc()

    def swept(self, chats: int) -> None:
        """The janitor has been round; so many `chats` are on record."""
        self._sweeps.inc()
        self._chats.set(chats)

    def is_healthy(self, now: float) -> bool:
        """Whether the loop has turned within the last minute."""
        return now - self._last_turn <= STALLED_SECONDS


class PoolCollector(Collector):
    """What the pool holds, read when it is asked for. Leaves its figures out while the store does not answer."""

    def __init__(self, records: Callable[[], list[Record]], *, clock: Callable[[], float]) -> None:
        self._records = records
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Accounts by kind and state, and the seconds until the first access token in service expires."""
        up = GaugeMetricFamily("kimi_refresher_store_up", "Whether the store answered.")
        try:
            records = [record for record in self._records() if record.configured]
        except StoreUnavailable:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        ours = [record for record in records if not record.account.owner]
        yield _counted("kimi_accounts", "Configured accounts.", ours)
        guests = [record for record in records if record.account.owner]
        yield _counted("kimi_private_accounts", "Accounts that clients brought along.", guests)
        expiries = [r.access_expires for r in ours if r.state is State.ACTIVE and r.access]
        if expiries:
            left = GaugeMetricFamily("kimi_refresher_next_expiry_seconds", "Until the first access token expires.")
            left.add_metric([], min(expiries) - self._clock())
            yield left


def _counted(name: str, documentation: str, records: Iterable[Record]) -> Metric:
    accounts = GaugeMetricFamily(name, documentation, labels=["kind", "state"])
    for (kind, state), count in sorted(Counter((r.account.kind, r.state) for r in records).items()):
        accounts.add_metric([kind.value, state.value], count)
    return accounts
