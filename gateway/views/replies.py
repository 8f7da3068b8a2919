"""Responses as the endpoints give them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Response

from gateway.problem import Problem
from gateway.surfaces.messages.failures import body_of, status_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_STREAM_HEADERS: Final = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-accel-buffering", "no"),
)


def json_reply(body: Any, status: int = 200) -> Response:
    """`body` as JSON."""
    return raw_reply(orjson.dumps(body), status)


def raw_reply(body: bytes, status: int = 200) -> Response:
    """A body that is JSON already."""
    return Response(body, status, content_type="application/json")


class StreamReply(Response):
    """Server-sent events. werkzeug would look at what is constant in their headers each time, and for what never is."""

    default_mimetype = None  # theirs is among the constant headers

    def __init__(self, body: Iterator[bytes]) -> None:
        super().__init__(body, direct_passthrough=True)
        self._body = body

    def __call__(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        """The body, as the server asks for it."""
        start_response(self.status, [*_STREAM_HEADERS, *self.headers])
        return self._body


def problem_reply(problem: Problem) -> Response:
    """An error in OpenAI's shape."""
    reply = json_reply(problem.body, problem.status)
    reply.headers.extend(problem.headers)
    return reply


def messages_problem_reply(problem: Problem, request_id: str) -> Response:
    """An error in Anthropic's shape, with its status."""
    reply = json_reply(body_of(problem, request_id), status_of(problem))
    reply.headers.extend(problem.headers)
    return reply
