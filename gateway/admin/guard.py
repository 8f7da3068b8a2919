"""Headers of everything below /admin."""

from __future__ import annotations

from typing import Final

from flask import Response

from gateway.views.replies import StreamReply

ROOT: Final = "/admin"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def is_below(path: str) -> bool:
    """Whether `path` is the page's, or its API's."""
    return path.startswith(ROOT) and path[len(ROOT) :][:1] in {"", "/"}


def guard(response: Response) -> None:
    """Lets a browser do no more with `response` than the page needs, and keep none but the files of the page."""
    response.headers.extend(_HEADERS)
    if not isinstance(response, StreamReply):  # a stream says so itself
        response.headers.setdefault("cache-control", "no-store")
