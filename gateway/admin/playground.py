"""`POST /admin/api/chat/completions` and `GET /admin/api/models`: what clients have, for operators without a key."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from flask import Blueprint, Response

from gateway.admin.desk import Desk
from gateway.admin.door import Door
from gateway.auth import Caller
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.views.chat import completions
from gateway.views.models import model_object
from gateway.views.replies import json_reply
from kimi.models import listing

CLIENT: Final = "admin"


class OperatorsDoor:
    """Lets operators in where clients come in otherwise."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def caller(self, _authorization: str | None, _api_key: str | None) -> Caller:
        """See `gateway.services.Door`. Raises what `Door.operator` does."""
        self._door.operator()
        return Caller(CLIENT, CLIENT)


def blueprint(settings: GatewaySettings, services: Services, desk: Desk) -> Blueprint:
    """The views."""
    views = Blueprint("admin_playground", __name__)
    ask = completions(settings, replace(services, keys=OperatorsDoor(desk.door)))
    views.add_url_rule("/admin/api/chat/completions", "ask", ask, methods=("POST",))

    @views.get("/admin/api/models")
    def models() -> Response:
        desk.door.operator()
        names = listing(services.catalogue.lately().routes, settings.kimi_model_aliases)
        return json_reply({"object": "list", "data": [model_object(name) for name in names]})

    return views
