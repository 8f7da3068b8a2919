"""`/openapi.json`, and `/docs`: the same for people, without anything from elsewhere."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, render_template

from gateway.openapi import document
from gateway.problems import INTERNAL, TABLE
from gateway.views.replies import json_reply

_POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def blueprint() -> Blueprint:
    """The description of the API. It needs no key and tells no secret."""
    views = Blueprint("docs", __name__)

    @views.get("/openapi.json")
    def openapi() -> Response:
        return json_reply(document())

    @views.get("/docs")
    def docs() -> Response:
        problems = {(problem.status, problem.code): problem for problem in (*TABLE.values(), INTERNAL)}
        page = render_template("docs.html", api=document(), problems=[problems[key] for key in sorted(problems)])
        return Response(page, content_type="text/html; charset=utf-8", headers={"content-security-policy": _POLICY})

    @views.get("/docs/style.css")
    def style() -> Response:
        return Response(render_template("docs.css"), content_type="text/css; charset=utf-8")

    return views
