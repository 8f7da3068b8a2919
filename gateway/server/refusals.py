"""Answers to what is not HTTP as it should be, in the shape of all other errors."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import orjson
from gunicorn.http import errors as http

from gateway.errors import HeadLate
from gateway.problem import INTERNAL, INVALID, Problem


def _row(status: HTTPStatus, code: str, message: str) -> Problem:
    return Problem(status=status, type=INVALID, code=code, message=message)


_OURS: Final = (http.InvalidResponseHeader, http.InvalidResponseHeaderName)  # an application's, but parse errors too
_MALFORMED: Final = _row(HTTPStatus.BAD_REQUEST, "malformed_http", "The request is not valid HTTP.")
TABLE: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        http.LimitRequestLine: _row(HTTPStatus.REQUEST_URI_TOO_LONG, "uri_too_long", "The URL is too long."),
        http.LimitRequestHeaders: _row(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", "The headers are too large."
        ),
        http.ExpectationFailed: _row(
            HTTPStatus.EXPECTATION_FAILED, "expectation_failed", "No `Expect` but 100-continue is met."
        ),
        http.UnsupportedTransferCoding: _row(
            HTTPStatus.NOT_IMPLEMENTED, "unsupported_transfer_coding", "The body may be chunked, not compressed."
        ),
        http.ParseException: _MALFORMED,
        HeadLate: _row(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The headers of the request came too slowly."),
    }
)


def refusal(error: BaseException) -> Problem:
    """What a client is told whose request never reached the application; a 500 where that is not its fault."""
    if isinstance(error, _OURS):
        return INTERNAL
    return next((problem for kind, problem in TABLE.items() if isinstance(error, kind)), INTERNAL)


def response(problem: Problem, request_id: str) -> bytes:
    """The whole response, after which the connection is closed."""
    body = orjson.dumps(problem.body)
    phrase = HTTPStatus(problem.status).phrase.encode()
    return (
        b"HTTP/1.1 %d %b\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n"
        b"X-Request-Id: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (problem.status, phrase, request_id.encode(), len(body), body)
    )
