"""What one-api asks when it looks up what is left in a channel: here nothing is ever used up."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response

from gateway.services import Services
from gateway.views.replies import json_reply
from gateway.views.requests import authenticate

_LIMIT_USD: Final = 1_000_000.0  # one-api switches a channel off when limit less usage is not above zero
_ACCESS_UNTIL: Final = 4_102_444_800  # the year 2100


def blueprint(services: Services) -> Blueprint:
    """OpenAI's former balance query."""
    views = Blueprint("billing", __name__)

    @views.get("/v1/dashboard/billing/subscription")
    def subscription() -> Response:
        authenticate(services.keys)
        return json_reply(
            {
                "object": "billing_subscription",
                "has_payment_method": True,
                "soft_limit_usd": _LIMIT_USD,
                "hard_limit_usd": _LIMIT_USD,
                "system_hard_limit_usd": _LIMIT_USD,
                "access_until": _ACCESS_UNTIL,
            }
        )

    @views.get("/v1/dashboard/billing/usage")
    def usage() -> Response:
        authenticate(services.keys)
        return json_reply({"object": "list", "total_usage": 0.0})

    return views
