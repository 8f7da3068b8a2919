"""What is done to accounts by their names, each for itself: what cannot be done to one is done to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Annotated, Final

from flask import Blueprint, Response
from gevent.pool import Pool
from pydantic import Field

from gateway.admin.bodies import Body, read
from gateway.admin.desk import Desk
from gateway.errors import BadRequest
from gateway.settings import GatewaySettings
from gateway.views.replies import json_reply
from kimi.account_entries import Concurrency, Priority, RateOrNone, Weight
from kimi.errors import StoreUnavailable
from kimi.operating.accounts import Limits
from kimi.operating.acting import AT_ONCE, Acting, Ask, Result

MOST: Final = 100
"""Accounts of one call."""

Names = Annotated[list[str], Field(min_length=1, max_length=MOST)]


class Named(Body):
    """The names of accounts."""

    names: Names


class NewLimits(Body):
    """How much of the traffic an account takes; what is not there stays as it is, whatever its default here.

    No requests a minute, or 0, is no limit.
    """

    max_concurrency: Concurrency = 1
    requests_per_minute: RateOrNone | None = None
    weight: Weight = 1.0
    priority: Priority = 0

    def wanted(self) -> Limits:
        """Those that are there."""
        given = self.model_dump(exclude_unset=True)
        if "requests_per_minute" in given:
            given["requests_per_minute"] = given["requests_per_minute"] or 0
        return Limits(**given)


class Edited(Named):
    """Limits for accounts."""

    limits: NewLimits


def blueprint(settings: GatewaySettings, desk: Desk) -> Blueprint:
    """`POST /admin/api/accounts/ACTION` and `PATCH /admin/api/accounts`."""
    views = Blueprint("admin_actions", __name__)

    acting = Acting(desk.accounts, desk.trials, partial(_together, Pool(AT_ONCE)))

    def told(body: Named, results: Iterable[Result]) -> Response:
        known = {result.name: result.described() for result in results}
        return json_reply({"results": [known[name] for name in dict.fromkeys(body.names)]})

    def posted(verb: str) -> Callable[[], Response]:
        def view() -> Response:
            operator = desk.door.operator()
            body = read(Named, settings.max_body_bytes)
            return told(body, acting.perform(verb, body.names, partial(desk.note, operator)))

        return view

    for verb in acting.verbs:
        views.add_url_rule(f"/admin/api/accounts/{verb}", verb, posted(verb), methods=("POST",))

    @views.patch("/admin/api/accounts")
    def edit() -> Response:
        operator = desk.door.operator()
        body = read(Edited, settings.max_body_bytes)
        try:
            results = acting.edit(body.names, body.limits.wanted(), partial(desk.note, operator))
        except ValueError:
            raise BadRequest("`limits` has to hold at least one limit.", param="limits") from None
        return told(body, results)

    return views


def _together(pool: Pool, ask: Ask, names: Sequence[str]) -> Iterator[Result]:
    """What comes of each, as it comes. Raises `StoreUnavailable`."""

    def asked(name: str) -> Result | StoreUnavailable:
        try:
            return ask(name)
        except StoreUnavailable as error:
            return error  # what is raised in a greenlet is taken for a mistake of ours, whoever waits for it

    for result in pool.imap_unordered(asked, names):
        if isinstance(result, StoreUnavailable):
            raise result
        yield result
