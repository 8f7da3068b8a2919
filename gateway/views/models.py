"""`GET /v1/models`, answered from what this process knows of the pool."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import orjson
from flask import Blueprint, Response

from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.standings import ANTHROPIC
from gateway.surfaces.messages import models as messages
from gateway.views.replies import json_reply, raw_reply
from gateway.views.requests import authenticate, named_by, present, seen_by
from kimi.models import listing
from kimi.pool.client_terms import NO_LIMITS, ClientLimits

_CREATED: Final = 1_696_809_600  # 9 October 2023, when Kimi was published; clients want a number and show none
_LISTS: Final = 64
"""Lists that are kept at a time: one for the pool, and others for callers with accounts of their own."""


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """The list of models."""
    views = Blueprint("models", __name__)
    aliases = settings.kimi_model_aliases

    def names(routes: frozenset[str], allowed: ClientLimits) -> list[str]:
        return [name for name in listing(routes, aliases) if allowed.allow(name)]

    @lru_cache(maxsize=_LISTS)
    def all_along(routes: frozenset[str], allowed: ClientLimits) -> bytes:
        return orjson.dumps({"object": "list", "data": [model_object(name) for name in names(routes, allowed)]})

    @lru_cache(maxsize=_LISTS)
    def all_for_anthropic(routes: frozenset[str], allowed: ClientLimits) -> bytes:
        return orjson.dumps(messages.model_list(names(routes, allowed), _CREATED))

    @views.get("/v1/models")
    def models() -> Response:
        caller = authenticate(services.keys)
        routes, allowed = seen_by(caller, services).routes, caller.key.limits if caller.key else NO_LIMITS
        return raw_reply((all_for_anthropic if present().api is ANTHROPIC else all_along)(routes, allowed))

    @views.get("/v1/models/<path:name>")
    def model(name: str) -> Response:
        caller = authenticate(services.keys)
        if present().api is not ANTHROPIC:
            return json_reply(model_object(named_by(caller, services, name, aliases).name))
        meant = messages.served(name, settings.kimi_claude_model, seen_by(caller, services).routes, aliases)
        named_by(caller, services, meant, aliases)
        return json_reply(messages.model(name, _CREATED))

    return views


def model_object(name: str) -> dict[str, Any]:
    """A model in OpenAI's words."""
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "moonshot"}
