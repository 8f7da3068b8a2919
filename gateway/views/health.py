"""For those who watch the process: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response

from gateway.breathing import OnceATurn
from gateway.metrics import CONTENT_TYPE
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.views.replies import json_reply
from kimi.errors import StoreUnavailable

FROM_MEMORY: Final = "Redis does not answer: accounts are leased from this worker's memory"

SHUT_OUT: Final = "Redis holds secrets that no key of TOKEN_ENCRYPTION_KEYS opens"

OUTDATED: Final = "Redis holds what only another release understands"


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """The probes. None needs a key. Where clients bring accounts along, none of the operator's is needed."""
    views = Blueprint("health", __name__)
    figures = OnceATurn(services.metrics.text)  # which takes 10 ms where there are workers, and anybody may ask

    @views.get("/healthz")
    def healthz() -> Response:
        return json_reply({"status": "ok"})

    @views.get("/readyz")
    def readyz() -> Response:
        usable, reasons = _state(services, needed=0 if settings.gateway_passthrough else 1)
        if services.is_shut_out():
            reasons.append(SHUT_OUT)
        if services.is_outdated():
            reasons.append(OUTDATED)
        if services.drain.whole:
            reasons.append("shutting down")
        ready, away = not reasons, services.catalogue.from_memory
        state = {
            "ready": ready,
            "usable_accounts": usable,
            "redis": "away" if away else "up",
            "reasons": reasons,
            "notes": [FROM_MEMORY] if away and usable is not None else [],
        }
        return json_reply(state, 200 if ready else 503)

    @views.get("/metrics")
    def metrics() -> Response:
        return Response(figures.get(), content_type=CONTENT_TYPE)

    return views


def _state(services: Services, needed: int) -> tuple[int | None, list[str]]:
    """How many accounts are usable, None where nobody knows, and why the gateway cannot serve with less than needed."""
    try:
        usable = services.catalogue.now().usable
    except StoreUnavailable:
        return None, ["Redis does not answer"]
    return usable, [] if usable >= needed else ["no usable account"]
