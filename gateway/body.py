"""Reading a request's body, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from gunicorn.http.errors import ParseException

from gateway.errors import BodyIncomplete, BodyTooLarge

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


SMALL: Final = 65_536
"""Bytes of a body that anybody has room for."""


def read_body(environ: WSGIEnvironment, limit: int, reserve: Callable[[int], object] | None = None) -> bytes:
    """The body, of a declared length or chunked. Raises `BodyTooLarge` above `limit` bytes, and `BodyIncomplete`.

    `reserve` is called with the most that it can have, unless it is `SMALL`, and before more of it than that is read.
    """
    declared = _declared(environ)
    if declared is not None and declared > limit:
        raise BodyTooLarge
    try:
        body = _read(environ["wsgi.input"], limit, declared, reserve)
    except (OSError, ParseException) as error:  # the socket's, and gunicorn's of a chunked body
        raise BodyIncomplete from error
    if len(body) > limit:
        raise BodyTooLarge
    if declared is not None and len(body) < declared:
        raise BodyIncomplete
    return body


def _read(source: Any, limit: int, declared: int | None, reserve: Callable[[int], object] | None) -> bytes:
    most = limit + 1 if declared is None else declared
    if reserve is None or most <= SMALL:
        return bytes(source.read(most))
    begin = b"" if declared is not None else bytes(source.read(SMALL))  # it may well end there
    if declared is None and len(begin) < SMALL:
        return begin
    reserve(most)
    return begin + bytes(source.read(most - len(begin)))


def _declared(environ: WSGIEnvironment) -> int | None:
    """The length of the body, None for a chunked one, whose end the server knows."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        return int(length)
    return None if environ.get("wsgi.input_terminated") else 0
