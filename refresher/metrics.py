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

from kimi.accounts import Kind, State
from kimi.errors import Outdated, StoreUnavailable
from kimi.pool.census import Count, Counted
from kimi.version import VERSION
from refresher.outcomes import Outcome

STALLED_SECONDS = 60.0
_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)


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
        self._due = Gauge(
            "kimi_refresher_due",
            "Accounts whose refresh is due, those under way included.",
            registry=registry,
        )
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

        self._replicas = Gauge(
            "kimi_refresher_replicated",
            "Whether all replicas of Redis that are waited for had what was last written of a token.",
            registry=registry,
        )

    def replicated(self, lacking: Callable[[], str]) -> None:
        """What they lack is asked at every look."""
        self._replicas.set_function(lambda: float(not lacking()))

    def refreshed(self, outcome: Outcome, seconds: float) -> None:
        """The refresh of an account has ended, after so many seconds."""
        self._refreshes.labels(outcome.value).inc()
        if outcome is not Outcome.NOT_DUE:
            self._seconds.observe(seconds)

    def turned(self, now: float) -> None:
        """The loop has turned at `now`, in Unix seconds."""
        self._last_turn = now
        self._turned.set(now)

    def due(self, accounts: int) -> None:
        """So many are due, or under way."""
        self._due.set(accounts)

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

    Of a store that this release does not understand it says nothing at all: such a refresher is none at work.
    Where there are several refreshers, each tells the same. `count` may raise `StoreUnavailable`.
    """

    def __init__(
        self,
        count: Callable[[], Count],
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._clock = clock
        self._monotonic = monotonic

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Accounts and leases by kind, and the seconds until the first access token in service expires."""
        asked = self._monotonic()
        try:
            count = self._count()
        except Outdated:
            return
        except StoreUnavailable:
            yield _gauge("kimi_refresher_store_up", "Whether the store answered.", 0)
            return
        yield _gauge("kimi_refresher_store_up", "Whether the store answered.", 1)
        yield _gauge(
            "kimi_refresher_store_seconds",
            "Time to read from the store what has changed of the accounts.",
            self._monotonic() - asked,
        )
        ours = [account for account in count.accounts if not account.is_guest]
        guests = [account for account in count.accounts if account.is_guest]
        yield _by_state("kimi_accounts", "Configured accounts.", ours)
        yield _by_state("kimi_private_accounts", "Accounts that clients brought along.", guests)
        yield from self._in_service(ours, count.in_flight)
        yield CounterMetricFamily(
            "kimi_leases_expired", "Leases that ran out because nobody gave them back.", value=count.expired
        )
        expiries = [account.expires for account in ours if account.state is State.ACTIVE and account.expires]
        if expiries:
            left = min(expiries) - self._clock()
            yield _gauge("kimi_refresher_next_expiry_seconds", "Until the first access token expires.", left)

    def _in_service(self, accounts: Iterable[Counted], in_flight: Mapping[Kind, int] | None) -> Iterator[Metric]:
        """What the accounts of each kind can take, and what they have."""
        now = self._clock()
        usable, cooling, limit = Counter[Kind](), Counter[Kind](), Counter[Kind]()
        for account in accounts:
            kind, serves = account.kind, account.is_usable(now)
            usable[kind] += serves
            cooling[kind] += serves and account.cool_until > now
            limit[kind] += account.limit if serves else 0
        yield _by_kind("kimi_accounts_usable", "Configured accounts with a good access token.", usable)
        yield _by_kind("kimi_accounts_cooling", "Those of them that are left alone for a while.", cooling)
        if in_flight is not None:
            leases = {kind: in_flight.get(kind, 0) for kind in limit}
            yield _by_kind("kimi_leases_in_flight", "Leases that are held.", leases)
        yield _by_kind("kimi_leases_limit", "Leases that the usable accounts can take at the same time.", limit)


def _by_state(name: str, told: str, accounts: Iterable[Counted]) -> Metric:
    """Of each kind that there is all states, so that one is seen to become more than none."""
    found = Counter((account.kind, account.state) for account in accounts)
    family = GaugeMetricFamily(name, told, labels=["kind", "state"])
    for kind, state in product(sorted({kind for kind, _ in found}), State):
        family.add_metric([kind.value, state.value], found[kind, state])
    return family


def _by_kind(name: str, told: str, figures: Mapping[Kind, int]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=["kind"])
    for kind, figure in sorted(figures.items()):
        family.add_metric([kind.value], figure)
    return family


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)
