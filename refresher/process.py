"""The refresher put together, and started in the order in which its parts may fail."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from functools import partial

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics

from kimi.accounts_file import AccountsError
from kimi.alerts.making import watcher
from kimi.ending import on_signals
from kimi.errors import StoreUnavailable
from kimi.exchange import Exchange
from kimi.http import Transport
from kimi.pool import Chats, Leases, Members, PrivateAccounts, Store, TokenStore, follow, open_signals, open_store
from kimi.pool.canary import Canary
from kimi.pool.census import Census
from kimi.pool.changes import Changes
from kimi.pool.drift import DriftBook
from kimi.pool.due import DueRefreshes
from kimi.pool.heartbeats import Heartbeats, Pulse
from kimi.pool.interventions import Interventions
from kimi.pool.schema import Schema
from kimi.pool.sealers import REFRESHER, Sealers
from kimi.settings import PLAIN_SECRETS
from kimi.upstreams.connect_models import ConnectModels
from kimi.upstreams.drift import Drift
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot import Moonshot
from kimi.upstreams.registry import build
from refresher.accounts_source import AccountsSource
from refresher.alerting import watching
from refresher.backlog import Backlog
from refresher.beside import Aside, prolonging, relaying
from refresher.janitor import PATIENCE_SECONDS, Janitor, cleaning
from refresher.keepsakes import Keepsakes
from refresher.lines import THREADS
from refresher.memory import Memory
from refresher.metrics import Metrics, PoolCollector
from refresher.model_lists import ModelLists, looking
from refresher.refreshing import Refreshing
from refresher.renewal import Renewals
from refresher.roster import Roster, told_of_pools
from refresher.sealing import Sealing
from refresher.settings import RefresherSettings
from refresher.slow_start import SlowStart
from refresher.status import application, serving
from refresher.stopping import Stop
from refresher.versions import Versions
from refresher.worker import Chores, Worker

log = structlog.stdlib.get_logger("refresher")

_DURABLE_SECONDS = 4.0  # a save waits for the disk, which with `appendfsync everysec` takes more than a second


def check(settings: RefresherSettings) -> str:
    """What would be started, in a sentence.

    Raises `StartError` or `StoreUnavailable` if it would not start, or not take the accounts.
    """
    accounts = AccountsSource(settings.kimi_accounts_file, settings.bare_accounts, settings.kimi_kind).load()
    with open_store(settings) as store:
        Schema(store).look()
        Canary(store).check()
        if elsewhere := Members(store).elsewhere(accounts):
            raise AccountsError(told_of_pools(elsewhere))
    return f"settings, store and accounts ({len(accounts)}) are in order"


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is started, in this order, and what `end` and `last` need."""

    versions: Versions
    sealing: Sealing
    roster: Roster
    beside: tuple[AbstractContextManager[object], ...]
    worker: Worker
    stop: Stop
    pulse: Pulse
    drift: Drift
    drift_book: DriftBook

    def end(self) -> None:
        """It works no longer than it has to. May be called by a signal."""
        self.stop.set()
        self.worker.wake()

    def last(self) -> None:
        """Leaves word for the other refreshers, and what was heard. Raises `StoreUnavailable`."""
        self.pulse.end()
        self.sealing.end()
        self.versions.end()
        self.drift_book.keep(self.drift)


def run(settings: RefresherSettings) -> int:
    """Keep accounts fresh until SIGTERM or SIGINT; the exit code.

    Raises `StartError` or `StoreUnavailable` before it is at work, and never afterwards.
    """
    store, signs = open_store(settings), open_store(settings, connections=2)
    patient = open_store(settings, timeout=_DURABLE_SECONDS, connections=THREADS)  # each waits on one of its own
    parts = _made(settings, store, signs, patient)
    with on_signals(parts.end), store, signs, patient:
        try:
            if not (parts.versions.start() and parts.sealing.start(parts.stop)):
                return 0
            parts.roster.start()
            with ExitStack() as going_on:
                for each in parts.beside:
                    going_on.enter_context(each)
                if settings.leaves_secrets_plain:
                    log.warning(PLAIN_SECRETS)
                log.info("refresher started")
                parts.worker.run()
        finally:
            with suppress(StoreUnavailable):
                parts.last()
    log.info("refresher stopped")
    return 1 if parts.worker.unsaved else 0


def _made(settings: RefresherSettings, store: Store, signs: Store, patient: Store) -> _Parts:
    """What shows that this process lives goes through `signs`, what must not be lost through `patient`."""
    clock, rng, stop = time.time, random.SystemRandom(), Stop()
    name = f"{socket.gethostname()}-{os.getpid()}"
    members, sealing = Members(store), Sealing(store, Sealers(signs, f"{REFRESHER}{name}"), clock=time.monotonic)
    versions = Versions(Schema(signs, f"{REFRESHER}{name}"), store, stop, clock=time.monotonic)
    source = AccountsSource(settings.kimi_accounts_file, settings.bare_accounts, settings.kimi_kind)
    memory = Memory(members, TokenStore(store))
    keepsakes = Keepsakes(members, Changes(store), Interventions(store), memory)
    roster = Roster(source, members, memory, added=keepsakes.restore, beside=Aside())
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    metrics, port = Metrics(registry), settings.refresher_metrics_port
    transport, drift, drift_book = Transport(), Drift(metrics.drifted), DriftBook(store)
    renewals = _renewals(settings, transport, drift, clock=clock, rng=rng)
    metrics.replicated(lambda: patient.replicas.lacking)
    tokens = TokenStore(patient)
    rate = settings.refresher_exchanges_per_second
    due, backlog = DueRefreshes(store, rate=rate), Backlog(metrics, rate=rate)
    refreshing = Refreshing(
        tokens, Members(patient), renewals, memory, stop, clock=clock, rng=rng, ask_again=due.one_more
    )
    pulse = Pulse(Heartbeats(signs), name, clock=time.monotonic)
    chores = Chores(
        partial(follow, settings),
        versions.check,
        pulse.check,  # who is shut out is none at work: others have to tell that none is
        sealing.check,
        keepsakes.check,
        roster.check,
        lambda: drift_book.keep(drift),
    )
    hurried = Line(transport, settings.endpoints, drift, patience=PATIENCE_SECONDS)
    lists = ModelLists(members, ConnectModels(hurried).list_models)
    refresh = lists.behind(refreshing.refresh)
    worker = Worker(due, refresh, chores, stop, metrics, clock=clock, backlog=backlog, slow_start=SlowStart(store))
    registry.register(PoolCollector(Census(store, clock=clock).count, clock=clock))
    pages = application(registry, lambda: metrics.is_healthy(clock()))
    beside = (
        serving(pages, port) if port else nullcontext(),
        relaying(open_signals(settings), worker.wake, memory, stop),
        prolonging(tokens),
        cleaning(_janitor(settings, store, hurried, stop, metrics=metrics, clock=clock)),
        looking(lists),
        watching(watcher(store, settings, stands_in=False)),
    )
    return _Parts(versions, sealing, roster, beside, worker, stop, pulse, drift, drift_book)


def _renewals(
    settings: RefresherSettings, transport: Transport, drift: Drift, *, clock: Callable[[], float], rng: random.Random
) -> Renewals:
    exchange = Exchange(transport, settings.endpoints, drift)
    official = Moonshot(Line(transport, settings.endpoints, drift))
    return Renewals(exchange, official.list_models, clock=clock, rng=rng)


def _janitor(
    settings: RefresherSettings, store: Store, line: Line, stop: Stop, *, metrics: Metrics, clock: Callable[[], float]
) -> Janitor:
    upstreams = build(line) if settings.kimi_delete_chats else {}
    private, leases = PrivateAccounts(store), Leases(store)
    return Janitor(Chats(store), Members(store), private, leases, upstreams, stop=stop, metrics=metrics, clock=clock)
