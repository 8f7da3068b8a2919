"""The desk as gunicorn's workers have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import gevent

from gateway.admin.alerting import SettingsAlerts
from gateway.admin.desk import Alerts, Desk
from gateway.admin.door import Door
from gateway.backoff import LocalAttempts
from gateway.settings import GatewaySettings
from kimi.accounts import Kind
from kimi.alerts.notes import Language
from kimi.operating.accounts import Accounts
from kimi.operating.acting import Trying
from kimi.operating.audit import Audit
from kimi.operating.status import Status
from kimi.operating.trial import Trials
from kimi.pool import Store, open_store
from kimi.pool.activity import Activities
from kimi.pool.attempts import OPERATORS, Attempts
from kimi.pool.clients import Clients
from kimi.pool.figures import Figures
from kimi.pool.sessions import Sessions
from kimi.upstreams import Upstream

T = TypeVar("T")

REDIS_SECONDS: Final = 2.0
"""How long a command of the page may take."""
_CONNECTIONS: Final = 8


def open_desk_store(settings: GatewaySettings) -> Store:
    """A way to Redis of the desk's own: whatever it does there, requests of clients do not wait for it, and what fails
    there is no reason for them to go on from memory.
    """
    return open_store(settings, timeout=REDIS_SECONDS, connections=_CONNECTIONS)


def make_desk(settings: GatewaySettings, store: Store, upstreams: Mapping[Kind, Upstream]) -> Desk | None:
    """The desk over a store of its own. None without an admin key."""
    if settings.gateway_admin_key is None:
        return None
    return desk_over(
        store,
        door=Door(
            settings.gateway_admin_key,
            Sessions(store),
            Attempts(store, OPERATORS),
            LocalAttempts(OPERATORS, time.monotonic),
            proxies=settings.gateway_trusted_proxies,
        ),
        trials=Trials(store, upstreams),
        alerts=SettingsAlerts(settings, store, store.now),
        setting_keys=settings.gateway_api_keys,
        language=settings.alert_language,
    )


def desk_over(
    store: Store,
    *,
    door: Door,
    trials: Trying,
    alerts: Alerts,
    setting_keys: tuple[str, ...],
    language: Language = "en",
) -> Desk:
    """A desk with all that can be had over `store` alone."""
    return Desk(
        door=door,
        accounts=Accounts(store, aside=_aside),
        trials=trials,
        activities=Activities(store),
        clients=Clients(store),
        setting_keys=setting_keys,
        figures=Figures(store),
        audit=Audit(store),
        status=Status(store, started=store.now(), language=language),
        alerts=alerts,
        clock=store.now,
    )


def _aside(work: Callable[[], T]) -> T:
    """What comes of `work`, which a thread does meanwhile."""
    found: T = gevent.get_hub().threadpool.apply(work)
    return found
