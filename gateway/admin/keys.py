"""`/admin/api/keys`: the keys that clients have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from flask import Blueprint, Response
from pydantic import Field

from gateway.admin.bodies import Body, read
from gateway.admin.desk import Desk
from gateway.errors import BadRequest, KeyMissing
from gateway.settings import GatewaySettings
from gateway.views.replies import json_reply
from kimi.operating.client_keys import described, in_words, listed
from kimi.pool.client_terms import ClientRefused, changes_from, limits_from
from kimi.pool.clients import Client, NoSuchClient

T = TypeVar("T")


class NewKey(Body):
    """A key by its name; a limit that is not there, or null, is none."""

    name: str
    limits: dict[str, Any] = Field(default_factory=dict)


class EditedKey(Body):
    """What is not there stays as it is, whatever its default here; a limit that is null is taken away."""

    name: str = ""
    limits: dict[str, Any] = Field(default_factory=dict)


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
        limits = _checked(limits_from, body.limits)
        with _refusing("name"):
            created = clients.create(body.name, limits)
        desk.note(operator, "create key", created.client.name, in_words(limits))
        return json_reply({"key": created.key, **told(created.client)}, 201)

    @views.patch("/admin/api/keys/<client_id>")
    def edit(client_id: str) -> Response:
        operator = desk.door.operator()
        body = read(EditedKey, settings.max_body_bytes)
        name = body.name if "name" in body.model_fields_set else None
        with _refusing("name"):
            was = clients.get(client_id)
            client = clients.edit(client_id, name=name, limits=_checked(changes_from, body.limits))
        subject = was.name if was.name == client.name else f"{was.name} → {client.name}"
        desk.note(operator, "edit key", subject, in_words(client.limits))
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


def _checked(check: Callable[[Mapping[str, Any]], T], limits: Mapping[str, Any]) -> T:
    with _refusing("limits"):
        return check(limits)
