"""Reading a request's body, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gunicorn.http.errors import ParseException

from gateway.errors import BodyIncomplete, BodyTooLarge

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """The body, of a declared length or chunked. Raises `BodyTooLarge` above `limit` bytes, and `BodyIncomplete`."""
    declared = _declared(environ)
    if declared is not None and declared > limit:
        raise BodyTooLarge
    try:
        body: bytes = environ["wsgi.input"].read(limit + 1 if declared is None else declared)
    except (OSError, ParseException) as error:  # the socket's, and gunicorn's of a chunked body
        raise BodyIncomplete from error
    if len(body) > limit:
        raise BodyTooLarge
    if declared is not None and len(body) < declared:
        raise BodyIncomplete
    return body


def _declared(environ: WSGIEnvironment) -> int | None:
    """The length of the body, None for a chunked one, whose end the server knows."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        return int(length)
    return None if environ.get("wsgi.input_terminated") else 0
