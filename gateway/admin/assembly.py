"""The page and its API, put together."""

from __future__ import annotations

from typing import NoReturn

from flask import Blueprint, Flask

from gateway.admin import pages, session
from gateway.admin.desk import Desk
from gateway.errors import AdminOff

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def register(app: Flask, desk: Desk | None) -> None:
    """Gives `app` the page and its API, or, without a `desk`, what says how to turn them on."""
    if desk is None:
        app.register_blueprint(_off())
        return
    app.register_blueprint(pages.blueprint())
    app.register_blueprint(session.blueprint(desk))


def _off() -> Blueprint:
    views = Blueprint("admin_off", __name__)

    @views.route("/admin", methods=_METHODS)
    @views.route("/admin/<path:_anything>", methods=_METHODS)
    def off(_anything: str = "") -> NoReturn:
        raise AdminOff

    return views
