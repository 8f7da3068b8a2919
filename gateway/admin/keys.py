"""`/admin/api/keys`: the keys that clients have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Response
from pydantic import Field

from gateway.admin.bodies import Body, read
from gateway.admin.desk import Desk
from gateway.errors import BadRequest, KeyMissing
from gateway.settings import GatewaySettings
from gateway.views.replies import json_reply
from kimi.operating.client_keys import described, in_words, listed
from kimi.pool.client_terms import NO_LIMITS, ClientLimits, ClientRefused, limits_from
from kimi.pool.clients import Client, NoSuchClient


class NewKey(Body):
    """A key by its name; a limit that is not there, or null, is none."""

    name: str
    limits: dict[str, Any] = Field(default_factory=dict)


class EditedKey(Body):
    """What is not there stays as it is; a limit that is null is taken away."""

    name: str | None = None
    limits: dict[str, Any] | None = None


def blueprint(settings: GatewaySettings, desk: Desk) -> Blueprint:
    """Creating, editing and revoking them."""
    views = Blueprint("admin_keys", __name__)
    clients = desk.clients

    def told(client: Client) -> dict[str, Any]:
        return described(client, desk.figures.tally_of_clients([client.id]).get(client.id))

    @views.get("/admin/api/keys")
    def everyone() -> Response:
        desk.door.operator()
        return json_reply({"keys": listed(clients.all(), desk.setting_keys, desk.figures.tally_of_clients())})

    @views.post("/admin/api/keys")
    def create() -> Response:
        operator = desk.door.operator()
        body = read(NewKey, settings.max_body_bytes)
        limits = _limits(body.limits)
        with _refusing("name"):
            created = clients.create(body.name, limits)
        desk.note(operator, "create key", created.client.name, in_words(limits))
        return json_reply({"key": created.key, **told(created.client)}, 201)

    @views.patch("/admin/api/keys/<client_id>")
    def edit(client_id: str) -> Response:
        operator = desk.door.operator()
        body = read(EditedKey, settings.max_body_bytes)
        with _refusing("name"):
            was = clients.get(client_id)
            limits = None if body.limits is None else _limits(body.limits, was.limits)
            client = clients.edit(client_id, name=body.name, limits=limits)
        name = was.name if was.name == client.name else f"{was.name} → {client.name}"
        desk.note(operator, "edit key", name, in_words(client.limits))
        return json_reply(told(client))

    @views.delete("/admin/api/keys/<client_id>")
    def revoke(client_id: str) -> Response:
        operator = desk.door.operator()
        with _refusing("id"):
            client = clients.revoke(client_id)
        desk.note(operator, "revoke key", client.name)
        return json_reply(told(client))

    return views


@contextmanager
def _refusing(param: str) -> Iterator[None]:
    """Says what cannot be done in the words of the API; `param` is what it is mostly about."""
    try:
        yield
    except NoSuchClient as error:
        raise KeyMissing(str(error)) from None
    except ClientRefused as error:
        raise BadRequest(str(error), param=param) from None


def _limits(told: Mapping[str, Any], was: ClientLimits = NO_LIMITS) -> ClientLimits:
    with _refusing("limits"):
        return limits_from(told, was)
