"""Figures of the refresher and of the pool, in a registry that is passed in; docs/metrics.md tells them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, Histogram, Info, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from kimi.accounts import Kind, Record, State
from kimi.errors import StoreUnavailable
from kimi.version import VERSION
from refresher.outcomes import Outcome

STALLED_SECONDS = 60.0
_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
_NOTHING_DONE: Final = (Outcome.NOT_DUE, Outcome.LOCKED)


class Metrics:
    """What the loop has done."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._refreshes = prometheus_client.Counter(
            "kimi_refresher_refreshes", "Refreshes by how they ended.", ["result"], registry=registry
        )
        self._seconds = Histogram(
            "kimi_refresher_refresh_seconds",
            "Time of a refresh that was due, its exchange and its storing included.",
            buckets=_SECONDS,
            registry=registry,
        )
        Info("kimi_refresher", "1, with the release as its label.", registry=registry).info({"version": VERSION})
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

    def refreshed(self, outcome: Outcome, seconds: float) -> None:
        """The refresh of an account has ended, after so many seconds."""
        self._refreshes.labels(outcome.value).inc()
        if outcome not in _NOTHING_DONE:
            self._seconds.observe(seconds)

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
    """What the pool holds, read when it is asked for. Leaves its figures out while the store does not answer.

    `expired` is how many leases ran out since the store is there. Where there are several refreshers, each tells the
    same.
    """

    def __init__(
        self,
        records: Callable[[], list[Record]],
        *,
        clock: Callable[[], float],
        expired: Callable[[], int] = lambda: 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._clock = clock
        self._expired = expired
        self._monotonic = monotonic

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Accounts and leases by kind, and the seconds until the first access token in service expires."""
        asked = self._monotonic()
        try:
            records = [record for record in self._records() if record.configured]
            expired = self._expired()
        except StoreUnavailable:
            yield _gauge("kimi_refresher_store_up", "Whether the store answered.", 0)
            return
        yield _gauge("kimi_refresher_store_up", "Whether the store answered.", 1)
        yield _gauge(
            "kimi_refresher_store_seconds", "Time to read all accounts from the store.", self._monotonic() - asked
        )
        ours = [record for record in records if not record.account.owner]
        guests = [record for record in records if record.account.owner]
        yield _by_state("kimi_accounts", "Configured accounts.", ours)
        yield _by_state("kimi_private_accounts", "Accounts that clients brought along.", guests)
        yield from self._in_service(ours)
        yield CounterMetricFamily(
            "kimi_leases_expired", "Leases that ran out because nobody gave them back.", value=expired
        )
        expiries = [record.access_expires for record in ours if record.state is State.ACTIVE and record.has_access]
        if expiries:
            left = min(expiries) - self._clock()
            yield _gauge("kimi_refresher_next_expiry_seconds", "Until the first access token expires.", left)

    def _in_service(self, records: Iterable[Record]) -> Iterator[Metric]:
        """What the accounts of each kind can take, and what they have."""
        now = self._clock()
        usable, cooling, in_flight, limit = Counter[Kind](), Counter[Kind](), Counter[Kind](), Counter[Kind]()
        for record in records:
            kind, serves = record.account.kind, is_usable(record, now)
            usable[kind] += serves
            cooling[kind] += serves and record.cool_until > now
            in_flight[kind] += record.in_flight
            limit[kind] += record.account.max_concurrency if serves else 0
        yield _by_kind("kimi_accounts_usable", "Configured accounts with a good access token.", usable)
        yield _by_kind("kimi_accounts_cooling", "Those of them that are left alone for a while.", cooling)
        yield _by_kind("kimi_leases_in_flight", "Leases that are held.", in_flight)
        yield _by_kind("kimi_leases_limit", "Leases that the usable accounts can take at the same time.", limit)


def is_usable(record: Record, now: float) -> bool:
    """Whether the account holds an access token that is good at `now`, in Unix seconds."""
    return record.state is State.ACTIVE and record.has_access and not record.rejected and record.access_expires > now


def _by_state(name: str, told: str, records: Iterable[Record]) -> Metric:
    """Of each kind that there is all states, so that one is seen to become more than none."""
    found = Counter((record.account.kind, record.state) for record in records)
    accounts = GaugeMetricFamily(name, told, labels=["kind", "state"])
    for kind, state in product(sorted({kind for kind, _ in found}), State):
        accounts.add_metric([kind.value, state.value], found[kind, state])
    return accounts


def _by_kind(name: str, told: str, figures: Mapping[Kind, int]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=["kind"])
    for kind, figure in sorted(figures.items()):
        family.add_metric([kind.value], figure)
    return family


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)
