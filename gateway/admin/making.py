"""The desk as gunicorn's workers have it."""

from __future__ import annotations

import time
from typing import Final

from gateway.admin.backoff import LocalAttempts
from gateway.admin.desk import Desk
from gateway.admin.door import Door
from gateway.settings import GatewaySettings
from kimi.pool import Store, connect
from kimi.pool.sessions import Attempts, Sessions

REDIS_SECONDS: Final = 2.0
"""How long a command of the page may take."""
_CONNECTIONS: Final = 8


def make_desk(settings: GatewaySettings) -> Desk | None:
    """A desk with a way to Redis of its own: whatever it does there, requests of clients do not wait for it, and what
    fails there is no reason for them to go on from memory. None without an admin key.
    """
    if settings.gateway_admin_key is None:
        return None
    store = Store(connect(settings.redis_url, timeout=REDIS_SECONDS, connections=_CONNECTIONS))
    return Desk(
        door=Door(settings.gateway_admin_key, Sessions(store), Attempts(store), LocalAttempts(time.monotonic)),
    )
