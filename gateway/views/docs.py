"""`/openapi.json`, and `/docs`: the same for people, without anything from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flask import Blueprint, Response
from markupsafe import escape

from gateway.openapi import as_bytes
from gateway.openapi_page import BASE, rendered
from gateway.views.packing import packed
from gateway.views.replies import raw_reply
from gateway.views.requests import present

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HTML: Final = "text/html; charset=utf-8"
_LONGEST_HOST: Final = 300
"""Characters of a name and a port. It stands in the page many times, and 64 KiB can be sent."""
_TEMPLATES: Final = Path(__file__).parents[1] / "templates"


def blueprint() -> Blueprint:
    """The description of the API. It needs no key and tells no secret."""
    views = Blueprint("docs", __name__)
    document, page = contents()

    @views.get("/openapi.json")
    def openapi() -> Response:
        return raw_reply(document)

    @views.get("/docs")
    def docs() -> Response:
        asked = present()
        base = f"{asked.scheme}://{asked.host}" if len(asked.host) <= _LONGEST_HOST else ""
        response = packed(asked, [page.replace(BASE, str(escape(base))).encode()], _HTML)
        response.headers["content-security-policy"] = _POLICY
        return response

    @views.get("/docs/style.css")
    def style() -> Response:
        return _file("docs.css", "text/css")

    @views.get("/docs/script.js")
    def script() -> Response:
        return _file("docs.js", "text/javascript")

    return views


def contents() -> tuple[bytes, str]:
    """The document and the page, with `BASE` in it: made once, before a worker serves, because it takes 0.1 s."""
    return as_bytes(), rendered()


def _file(name: str, kind: str) -> Response:
    return Response((_TEMPLATES / name).read_bytes(), content_type=f"{kind}; charset=utf-8")
