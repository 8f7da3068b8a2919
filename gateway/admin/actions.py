"""What is done to accounts by their names, each for itself: what cannot be done to one is done to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from flask import Blueprint, Response
from gevent.pool import Pool
from pydantic import Field

from gateway.admin.bodies import Body, read
from gateway.admin.desk import Desk
from gateway.admin.door import Operator
from gateway.errors import BadRequest
from gateway.settings import GatewaySettings
from gateway.views.replies import json_reply
from kimi.operating.accounts import Limits, NoSuchAccount, Refused

MOST: Final = 100
REFRESH_SECONDS: Final = 30.0
"""How long is waited for what comes of a refresh."""
_AT_ONCE: Final = 8
"""Accounts that are tested at the same time by one call."""

Names = Annotated[list[str], Field(min_length=1, max_length=MOST)]


class Named(Body):
    """The names of accounts."""

    names: Names


class NewLimits(Body):
    """How much of the traffic an account takes; what is not there stays as it is, 0 requests a minute is no limit."""

    max_concurrency: int | None = None
    requests_per_minute: int | None = None
    weight: float | None = None
    priority: int | None = None


class Edited(Named):
    """Limits for accounts."""

    limits: NewLimits


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one; `seconds` where that took its time. With `was_tried` something was done, for good or ill."""

    name: str
    ok: bool
    message: str
    seconds: float | None = None
    was_tried: bool = True

    def told(self) -> dict[str, Any]:
        """As the API shows it."""
        told = {"name": self.name, "ok": self.ok, "message": self.message}
        return told if self.seconds is None else {**told, "seconds": round(self.seconds, 3)}


Act = Callable[[list[str]], Iterable[Result]]


def blueprint(settings: GatewaySettings, desk: Desk) -> Blueprint:
    """`POST /admin/api/accounts/ACTION` and `PATCH /admin/api/accounts`."""
    views = Blueprint("admin_actions", __name__)

    def perform(operator: Operator, action: str, body: Named, act: Act, detail: str = "") -> Response:
        results = {}
        for result in act(list(dict.fromkeys(body.names))):
            results[result.name] = result
            if result.was_tried:
                desk.note(operator, action, result.name, detail or result.message)
        return json_reply({"results": [results[name].told() for name in dict.fromkeys(body.names)]})

    def posted(action: str, act: Act) -> Callable[[], Response]:
        def view() -> Response:
            operator = desk.door.operator()
            return perform(operator, action, read(Named, settings.max_body_bytes), act)

        return view

    for action, act in _acts(desk).items():
        views.add_url_rule(f"/admin/api/accounts/{action}", action, posted(action, act), methods=("POST",))

    @views.patch("/admin/api/accounts")
    def edit() -> Response:
        operator = desk.door.operator()
        body = read(Edited, settings.max_body_bytes)
        changes = body.limits.model_dump(exclude_none=True)
        if not changes:
            raise BadRequest("`limits` has to hold at least one limit.", param="limits")
        limits = Limits(**changes)
        detail = ", ".join(f"{name} {value:g}" for name, value in changes.items())
        act = partial(_each, lambda name: desk.accounts.edit(name, limits), "changed")
        return perform(operator, "edit", body, act, detail)

    return views


def _acts(desk: Desk) -> Mapping[str, Act]:
    accounts = desk.accounts
    return {
        "test": partial(_test, desk),
        "refresh": partial(_refresh, desk),
        "pause": partial(_each, accounts.pause, "paused"),
        "resume": partial(_each, accounts.resume, "resumed"),
        "clear": partial(_each, accounts.clear, "cleared"),
        "delete": partial(_each, accounts.delete, "deleted"),
    }


def _each(act: Callable[[str], object], done: str, names: list[str]) -> Iterator[Result]:
    for name in names:
        yield _refusal(act, name) or Result(name, True, done)


def _refusal(act: Callable[[str], object], name: str) -> Result | None:
    """Why `act` cannot be done to the account; None where it is done."""
    try:
        act(name)
    except (NoSuchAccount, Refused) as error:
        return Result(name, False, str(error), was_tried=False)
    return None


def _test(desk: Desk, names: list[str]) -> Iterator[Result]:
    def run(name: str) -> Result:
        try:
            trial = desk.trials.run(name)
        except NoSuchAccount as error:
            return Result(name, False, str(error), was_tried=False)
        return Result(name, trial.ok, trial.message, trial.seconds)

    yield from Pool(_AT_ONCE).imap_unordered(run, names)


def _refresh(desk: Desk, names: list[str]) -> Iterator[Result]:
    def check(name: str) -> None:
        desk.accounts.refresh_all([name], REFRESH_SECONDS)  # begins only when somebody asks what comes of it

    refused = {name: why for name in names if (why := _refusal(check, name))}
    yield from refused.values()
    for renewal in desk.accounts.refresh_all([name for name in names if name not in refused], REFRESH_SECONDS):
        yield Result(renewal.name, renewal.ok, renewal.message, renewal.seconds)
