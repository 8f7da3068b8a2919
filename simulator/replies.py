"""Answers as Flask gives them: JSON, errors of a dialect, bodies sent piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from flask import Response, request

from simulator.kinds import Kind
from simulator.links import Link
from simulator.reasons import look_up, render
from simulator.streams import Body, Item, Stream

SOCKET = "simulator.socket"  # WSGI environment: the client's socket
FLUSH = "simulator.flush"  # WSGI environment: sends the headers now
CLOSE_DELIMITED = "simulator.close_delimited"  # WSGI environment: send the body without chunks
HANG_UP = "simulator.hang_up"  # WSGI environment: close the connection after the answer, unannounced


def reply(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, content_type="application/json")


def refuse(
    dialect: Kind, name: str, note: str = "", *, status: int | None = None, silent: bool = False, org: str = ""
) -> Response:
    """An error answer of the dialect."""
    reason = look_up(dialect, name, org)
    answer = reply(render(dialect, reason, note, silent=silent), status or reason.status)
    if reason.retry_after:
        answer.headers["Retry-After"] = reason.retry_after
    return answer


def link_now() -> Link:
    """The connection that the present request came by."""
    return Link(request.environ.get(SOCKET))


def deliver(
    items: Iterator[Item],
    *,
    headers: Mapping[str, str] | None = None,
    stream: Stream | None = None,
    close_delimited: bool = False,
) -> Response:
    """An answer sent piece by piece."""
    flush: Callable[[], None] = request.environ.get(FLUSH, lambda: None)
    body = Body(items, stream.link if stream else link_now(), flush, stream)
    request.environ[CLOSE_DELIMITED] = close_delimited
    answer = Response(body, 200, headers)
    if close_delimited:
        answer.headers["Connection"] = "close"
    return answer
