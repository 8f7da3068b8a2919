"""GATEWAY_METRICS_PORT, where there is nothing but the pages of those who watch the process.

It has places of its own: whoever watches is answered however many requests there are, and until the gateway ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from gateway.paths import WATCHED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PLACES: Final = 32
"""So many connections a worker takes there at a time."""
_NOTHING: Final = f"there are {', '.join(sorted(WATCHED))}\n".encode()


class MetricsPort:
    """The pages of `app` that are there, as a WSGI application."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in WATCHED:
            return self._app(environ, start_response)
        told = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(_NOTHING)))]
        start_response("404 Not Found", told)
        return [_NOTHING]
