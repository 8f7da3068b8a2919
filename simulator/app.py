"""The Flask application: three dialects and the control API."""

from __future__ import annotations

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from simulator.classic import classic
from simulator.classic_files import classic_files
from simulator.connect import connect
from simulator.connect_chats import connect_chats
from simulator.connect_files import connect_files
from simulator.control import control
from simulator.kinds import Kind
from simulator.moonshot import moonshot
from simulator.replies import reply
from simulator.world import World


def create_app(world: World) -> Flask:
    """The application that shows one world."""
    app = Flask("simulator", static_folder=None)
    app.extensions["simulator"] = world
    for blueprint in (classic, classic_files, connect, connect_chats, connect_files, moonshot, control):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _http_error(error: HTTPException) -> Response:
    """Paths and methods that do not exist, in the words of the dialect that they belong to."""
    status, text = error.code or 500, str(error.description)
    if request.path.startswith("/v1/"):
        return reply({"error": {"message": text, "type": "resource_not_found_error"}}, status)
    if request.path.startswith("/apiv2"):
        return reply({"code": "unimplemented", "message": text}, status)
    return reply({"error_type": "common.not_found", "message": text, "dialect": Kind.CLASSIC.value}, status)
