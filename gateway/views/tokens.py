"""`POST /token/check`, kimi-free-api's question whether a refresh token is good."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request

from gateway.body import read_body
from gateway.errors import BadRequest
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.surfaces.json_body import json_object
from gateway.views.replies import json_reply
from gateway.views.requests import authenticate

MOST: Final = 8_192
"""Bytes of the body: whoever asks may be a stranger, and has one token."""


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """The check. It needs a client key, but where tokens are taken in place of keys: there the token is one."""
    views = Blueprint("tokens", __name__)

    @views.post("/token/check")
    def check() -> Response:
        if not settings.gateway_passthrough:
            authenticate(services.keys)
        token = json_object(read_body(request.environ, min(MOST, settings.max_body_bytes))).get("token")
        if not isinstance(token, str):
            raise BadRequest("`token` has to be a refresh token.", param="token")
        return json_reply({"live": services.tokens.is_live(token)})

    return views
