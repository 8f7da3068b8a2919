"""What can be looked at beside accounts and keys: `/admin/api/overview`, `/figures`, `/audit` and `/alerts`."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, Final

from flask import Blueprint, Response

from gateway.admin.bodies import number
from gateway.admin.desk import Desk
from gateway.errors import BadRequest
from gateway.views.replies import json_reply
from gateway.views.requests import present
from kimi.pool.durations import Quantiles
from kimi.pool.figures import Point, Span

LIMIT: Final = 100
MOST: Final = 1_000
_ID: Final = re.compile(r"\d{1,16}-\d{1,16}", re.ASCII)  # Redis takes no larger ones than 2^64


def blueprint(desk: Desk) -> Blueprint:
    """The views."""
    views = Blueprint("admin_looks", __name__)

    @views.get("/admin/api/overview")
    def overview() -> Response:
        desk.door.operator()
        return json_reply(desk.status.overview().described())

    @views.get("/admin/api/figures")
    def figures() -> Response:
        desk.door.operator()
        span = _span(present().args.get("span", Span.HOUR.value))
        points = [_point(point) for point in desk.figures.points(span)]
        return json_reply({"span": span.value, "step_seconds": span.step, "points": points})

    @views.get("/admin/api/audit")
    def audit() -> Response:
        desk.door.operator()
        before = present().args.get("before")
        if before is not None and not _ID.fullmatch(before):
            raise BadRequest("`before` has to be the id of an entry.", param="before")
        entries = desk.audit.entries(before, number("limit", LIMIT, 1, MOST))
        return json_reply({"entries": [asdict(entry) for entry in entries]})

    @views.get("/admin/api/alerts")
    def alerts() -> Response:
        desk.door.operator()
        return json_reply({"destinations": desk.alerts.destinations(), "active": desk.alerts.active()})

    @views.post("/admin/api/alerts/test")
    def test_alerts() -> Response:
        operator = desk.door.operator()
        trials = desk.alerts.test()
        for trial in trials:
            desk.note(operator, "test alert", trial.destination, trial.message)
        return json_reply({"results": [asdict(trial) for trial in trials]})

    return views


def _span(text: str) -> Span:
    try:
        return Span(text)
    except ValueError:
        raise BadRequest(f"`span` has to be one of {', '.join(Span)}.", param="span") from None


def _point(point: Point) -> dict[str, Any]:
    return {
        "at": point.at,
        "requests": point.requests,
        "errors": point.errors,
        "prompt_tokens": point.prompt_tokens,
        "completion_tokens": point.completion_tokens,
        "first_event_seconds": _quantiles(point.first_event),
        "total_seconds": _quantiles(point.total),
    }


def _quantiles(found: Quantiles | None) -> dict[str, float] | None:
    return None if found is None else {"p50": found.p50, "p95": found.p95}
