"""What is checked once, before gunicorn starts its workers."""

from __future__ import annotations

import structlog

from gateway.settings import GatewaySettings
from kimi.pool import Store, connect

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def check_store(settings: GatewaySettings) -> None:
    """Returns when Redis answers. Raises `StoreUnavailable`. The connection is not for the workers."""
    client = connect(settings.redis_url, connections=1)
    try:
        Store(client).ping()
    finally:
        client.connection_pool.disconnect()


def warn(settings: GatewaySettings) -> None:
    """Says which settings this release accepts without doing anything with them."""
    if settings.gateway_admin_key is not None:
        log.warning("GATEWAY_ADMIN_KEY has no effect: this release has no admin page")
    if settings.gateway_passthrough:
        log.warning("GATEWAY_PASSTHROUGH has no effect: this release takes client keys only")
