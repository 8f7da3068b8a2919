"""For those who watch the process: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from flask import Blueprint, Response

from gateway.metrics import CONTENT_TYPE
from gateway.services import Services
from gateway.views.replies import json_reply
from kimi.errors import StoreUnavailable


def blueprint(services: Services) -> Blueprint:
    """The probes. None needs a key."""
    views = Blueprint("health", __name__)

    @views.get("/healthz")
    def healthz() -> Response:
        return json_reply({"status": "ok"})

    @views.get("/readyz")
    def readyz() -> Response:
        usable, reasons = _state(services)
        if services.drain.begun:
            reasons.append("shutting down")
        ready = not reasons
        return json_reply({"ready": ready, "usable_accounts": usable, "reasons": reasons}, 200 if ready else 503)

    @views.get("/metrics")
    def metrics() -> Response:
        return Response(services.metrics.text(), content_type=CONTENT_TYPE)

    return views


def _state(services: Services) -> tuple[int | None, list[str]]:
    """How many accounts are usable, None where nobody knows, and why the gateway cannot serve."""
    try:
        usable = services.catalogue.now().usable
    except StoreUnavailable:
        return None, ["Redis does not answer"]
    return usable, [] if usable else ["no usable account"]
