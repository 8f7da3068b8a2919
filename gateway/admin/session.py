"""`/admin/api/session`: signing in and out."""

from __future__ import annotations

from flask import Blueprint, Response

from gateway.admin.bodies import SMALL, Body, read
from gateway.admin.desk import Desk
from gateway.admin.door import COOKIE, Session
from gateway.errors import WrongAdminKey
from gateway.views.replies import json_reply
from gateway.views.requests import present
from kimi.pool.sessions import SESSION_SECONDS


class _Key(Body):
    key: str


def blueprint(desk: Desk) -> Blueprint:
    """The session of the page."""
    views = Blueprint("admin_session", __name__)

    @views.post("/admin/api/session")
    def sign_in() -> Response:
        operator, session = desk.door.sign_in(read(_Key, SMALL).key)
        desk.note(operator, "sign in", "")
        reply = _told(session)
        _set_cookie(reply, session.token, int(SESSION_SECONDS))
        return reply

    @views.get("/admin/api/session")
    def signed_in() -> Response:
        operator = desk.door.operator()
        if operator.session is None:
            raise WrongAdminKey
        return _told(operator.session)

    @views.delete("/admin/api/session")
    def sign_out() -> Response:
        operator = desk.door.operator()
        if operator.session is not None:
            desk.door.sign_out(operator.session)
            desk.note(operator, "sign out", "")
        reply = Response(status=204)
        _set_cookie(reply, "", 0)
        return reply

    return views


def _told(session: Session) -> Response:
    return json_reply({"csrf": session.csrf, "expires": int(session.expires)})


def _set_cookie(reply: Response, value: str, seconds: int) -> None:
    secure = present().environ["wsgi.url_scheme"] == "https"
    reply.set_cookie(COOKIE, value, max_age=seconds, path="/admin", secure=secure, httponly=True, samesite="Strict")
