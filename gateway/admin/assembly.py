"""The page and its API, put together."""

from __future__ import annotations

from typing import NoReturn

from flask import Blueprint, Flask

from gateway.admin import accounts, actions, events, keys, looks, pages, playground, session
from gateway.admin.desk import Desk
from gateway.admin.live import Live
from gateway.admin.rows import Rows
from gateway.admin.watcher import Watcher
from gateway.errors import AdminOff
from gateway.services import Services
from gateway.settings import GatewaySettings

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def register(app: Flask, settings: GatewaySettings, services: Services) -> None:
    """Gives `app` the page and its API, or, without a desk, what says how to turn them on."""
    desk = services.desk
    if desk is None:
        app.register_blueprint(_off())
        return
    app.register_blueprint(pages.blueprint())
    app.register_blueprint(session.blueprint(desk))
    app.register_blueprint(accounts.blueprint(settings, desk))
    app.register_blueprint(actions.blueprint(settings, desk))
    app.register_blueprint(keys.blueprint(settings, desk))
    app.register_blueprint(looks.blueprint(desk))
    app.register_blueprint(playground.blueprint(settings, services, desk))
    app.register_blueprint(events.blueprint(services, desk, _live(services, desk)))


def _live(services: Services, desk: Desk) -> Live:
    rows = Rows(desk.accounts, desk.figures, desk.clock)
    watcher = Watcher(desk.activities, desk.figures, rows)
    return Live(watcher, desk.status, services.drain, clock=desk.clock, monotonic=services.monotonic)


def _off() -> Blueprint:
    views = Blueprint("admin_off", __name__)

    @views.route("/admin", methods=_METHODS)
    @views.route("/admin/<path:_anything>", methods=_METHODS)
    def off(_anything: str = "") -> NoReturn:
        raise AdminOff

    return views
