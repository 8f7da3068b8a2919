"""Every way in which clients write the path of an endpoint, in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SLASHES = re.compile(r"/{2,}")
_VERSIONS = re.compile(r"(?:/v1)*(?=/)")
_VERSIONED: Final = ("/chat/completions", "/completions", "/messages", "/models", "/responses", "/dashboard/billing")
_MISSPELT: Final = {"/chat/completitions": "/chat/completions"}  # reverse-kimi's spelling, in use since
UNGUARDED: Final = frozenset({"/metrics", "/readyz"})
"""Told without a key: a proxy closes these names, and has to know no others, and pages of other sites read none."""
WATCHED: Final = UNGUARDED | {"/healthz"}
"""What there is for those who watch the process."""


@lru_cache(maxsize=256)
def canonical(path: str) -> str:
    """The path as the routes know it: single slashes, none at the end, `/v1` once before what belongs there."""
    path = _SLASHES.sub("/", f"/{path}").rstrip("/") or "/"
    bare = _VERSIONS.sub("", path, count=1)
    bare = _MISSPELT.get(bare, bare)
    if any(bare == known or bare.startswith(f"{known}/") for known in _VERSIONED):
        return f"/v1{bare}"
    return path


class CanonicalPaths:
    """WSGI middleware that hands every request on under its canonical path.

    Other spellings of what is open to whoever may come are led to nothing.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = canonical(environ.get("PATH_INFO", ""))
        environ["PATH_INFO"] = f"{path}/" if path in UNGUARDED and _is_respelt(path, environ) else path
        return self._app(environ, start_response)


def _is_respelt(path: str, environ: WSGIEnvironment) -> bool:
    """Whether the client has asked for `path` in other signs: with more slashes, in percents, or behind a host."""
    asked: str = environ.get("RAW_URI") or environ.get("PATH_INFO", "")
    prefix: str = environ.get("SCRIPT_NAME", "")
    return asked.partition("?")[0] != prefix + path
