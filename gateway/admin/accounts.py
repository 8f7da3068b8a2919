"""`/admin/api/accounts`: looking at accounts, adding them, and writing them down elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import Field, WithJsonSchema

from gateway.admin.bodies import Body, query, read
from gateway.admin.desk import Desk
from gateway.admin.rows import Rows
from gateway.errors import AccountMissing, BadRequest
from gateway.settings import GatewaySettings
from gateway.views.packing import packed
from gateway.views.replies import json_reply
from gateway.views.requests import present
from kimi.account_forms import AccountsError
from kimi.accounts import Kind
from kimi.operating.accounts import NoSuchAccount, Refused, Taken
from kimi.operating.describing import described
from kimi.operating.intake import Outcome
from kimi.operating.noting import added, listed

KindName = Annotated[Kind, Field(strict=False), WithJsonSchema({"enum": [kind.value for kind in Kind]})]


class Added(Body):
    """Accounts in any form that an accounts file may have; `kind` is that of those which are written without one."""

    text: str
    kind: KindName = Kind.KIMI


class Exported(Body):
    """The names of accounts; all of them where they are not there, whatever their default here."""

    names: list[str] = Field(default_factory=list)


def blueprint(settings: GatewaySettings, desk: Desk) -> Blueprint:
    """Everything about accounts but what is done to single ones."""
    views = Blueprint("admin_accounts", __name__)
    rows = Rows(desk.accounts, desk.figures, desk.clock)

    @views.get("/admin/api/accounts")
    def everyone() -> Response:
        desk.door.operator()
        now, names = desk.clock(), sorted(desk.activities.names())
        return packed(present(), _listed(now, (page for _, page in rows.pages(names))), "application/json")

    @views.get("/admin/api/accounts/one")
    def one() -> Response:
        desk.door.operator()
        name = query("name")
        try:
            seen = desk.accounts.get(name)
        except NoSuchAccount as error:
            raise AccountMissing(str(error)) from None
        return json_reply(described(seen, desk.clock(), desk.figures.tallies([name]).get(name)))

    @views.post("/admin/api/accounts")
    def add() -> Response:
        operator = desk.door.operator()
        body = read(Added, settings.max_body_bytes)
        try:
            taken = desk.accounts.add(body.text, body.kind)
        except AccountsError as error:
            raise BadRequest(str(error), param="text") from None
        if entry := added(taken):
            desk.note(operator, "add", *entry)
        outcomes = [each.outcome for each in taken]
        return json_reply(
            {
                "results": [_told(each) for each in taken],
                "added": outcomes.count(Outcome.ADDED),
                "refused": outcomes.count(Outcome.REFUSED),
            }
        )

    @views.post("/admin/api/accounts/export")
    def export() -> Response:
        operator = desk.door.operator()
        body = read(Exported, settings.max_body_bytes)
        names = body.names if "names" in body.model_fields_set else None
        try:
            text = desk.accounts.export(names).text
        except (NoSuchAccount, Refused) as error:
            raise BadRequest(str(error), param="names") from None
        subject = "all accounts" if names is None else listed(names)
        desk.note(operator, "export", subject)
        headers = {"content-disposition": 'attachment; filename="accounts.yaml"'}
        return Response(text, content_type="application/yaml; charset=utf-8", headers=headers)

    return views


def _listed(now: float, pages: Iterable[Mapping[str, bytes]]) -> Iterator[bytes]:
    """The whole list, piece by piece."""
    before = b'{"now":%.3f,"accounts":[' % now
    for page in filter(None, pages):
        yield before + b",".join(page.values())
        before = b","
    yield b"]}" if before == b"," else before + b"]}"


def _told(taken: Taken) -> dict[str, Any]:
    return {
        "place": taken.place,
        "outcome": taken.outcome.value,
        "name": taken.name,
        "kind": taken.kind and taken.kind.value,
        "expires": taken.expires,
        "message": taken.message,
        "code": taken.code.value,
        "line": taken.line,
        "twin": taken.twin,
    }
