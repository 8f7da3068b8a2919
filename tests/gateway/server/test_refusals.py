from __future__ import annotations

import orjson
import pytest
from gunicorn.http import errors as http

from gateway.harmless import CHANNEL_KILLERS
from gateway.problem import INTERNAL, Problem
from gateway.server.refusals import TABLE, refusal, response


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (http.InvalidRequestLine("x"), 400),
        (http.InvalidHeader("x"), 400),
        (http.InvalidHTTPVersion("x"), 400),
        (http.LimitRequestLine(9, 8), 414),
        (http.LimitRequestHeaders("x"), 431),
        (http.ExpectationFailed("x"), 417),
        (http.UnsupportedTransferCoding("x"), 501),
        (http.InvalidResponseHeader("x"), 500),
        (http.InvalidResponseHeaderName("x"), 500),
        (ZeroDivisionError(), 500),
        (SystemExit(), 500),
    ],
)
def test_every_fault_has_its_status(error: BaseException, status: int) -> None:
    assert refusal(error).status == status


@pytest.mark.parametrize("problem", [*TABLE.values(), INTERNAL], ids=lambda problem: problem.code)
def test_a_response_is_complete(problem: Problem) -> None:
    head, _, body = response(problem, "req-1").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 %d " % problem.status)
    assert {b"Connection: close", b"X-Request-Id: req-1", b"Content-Type: application/json"} <= set(lines)
    assert b"Content-Length: %d" % len(body) in lines
    assert orjson.loads(body) == problem.body


def test_no_text_switches_a_channel_off() -> None:
    for problem in TABLE.values():
        assert [word for word in CHANNEL_KILLERS if word in problem.message.lower()] == []
