"""Heads are read as gunicorn reads them, whatever was read before."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import LimitRequestHeaders, ParseException
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import IterUnreader

from gateway.server.heads import LONGEST, MOST, Heads, Memory

LINES = [
    b"Host: a",
    b"Host: b",
    b"host: a",
    b"Host : a",
    b"Content-Type: text/plain",
    b"Content-Length: 0",
    b"Content-Length: 00",
    b"Content-Length: +1",
    b"Content-Length: 0, 0",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: \x0bchunked",
    b"Connection: close",
    b"User-Agent: x",
    b"User-Agent:x ",
    b"User-Agent: x\x00",
    b"User-Agent: x\r",
    b"User-Agent: x\nHost: b",
    b"User-Agent",
    b": x",
    b" Accept: folded",
    b"\tfolded",
    b"Accept: " + b"x" * 300,
    b"X-Stainless-Lang: python",
    b"X-Stainless_Lang: ruby",
    b"X_Forwarded_For: 1.2.3.4",
    b"SCRIPT_NAME: /x",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Proto: http",
    b"X-Forwarded-Ssl: on",
    b"Expect: 100-continue",
    b"Expect: miracles",
    b"Authorization: Bearer secret",
    b"authorization: Bearer other",
    b"Authorization: Bearer two words",
    b"Authorization:  Bearer blanks ",
    b"Authorization: Bearer x\x00",
    b"Authorization: Bearer \xff",
    b"Authorization: Bearer " + b"x" * 300,
    b"\xc3\x84: x",
    b"",
]
NEIGHBOUR, STRANGER = ("127.0.0.1", 1), ("192.0.2.1", 1)


class Pieces(IterUnreader):  # type: ignore[misc]
    """What comes in these pieces."""

    is_held_back = False

    def await_more(self) -> None:
        """They come at once."""


def heads(pieces: list[bytes], addr: tuple[str, int], memory: Memory) -> Heads:
    return Heads(Pieces(pieces), addr, memory)


def head(*lines: bytes) -> bytes:
    return b"\r\n".join((b"POST / HTTP/1.1", *lines, b"", b"")) + b"0\r\n\r\n"


def outcome(parser: RequestParser) -> Any:
    """What the application would get to see, or the kind of error."""
    try:
        request = next(parser)
        body = request.body.read()
    except (ParseException, StopIteration) as error:
        return type(error)
    environ: dict[str, list[str]] = {}
    for name, value in request.headers:
        environ.setdefault(name, []).append(value)
    target = request.method, request.uri, request.path, request.query, request.fragment, request.version
    expects = request._expected_100_continue or getattr(request.unreader, "is_held_back", False)
    return target, environ, body, request.scheme, request.should_close(), expects


@pytest.mark.parametrize(
    "settings",
    [{}, {"permit_obsolete_folding": True}, {"header_map": "refuse"}, {"strip_header_spaces": True}],
    ids=str,
)
@pytest.mark.parametrize("addr", [NEIGHBOUR, STRANGER], ids=["trusted", "stranger"])
def test_any_two_lines_are_read_as_by_gunicorn(settings: dict[str, Any], addr: tuple[str, int]) -> None:
    cfg = Config()
    for name, value in {"http_parser": "python", "limit_request_field_size": 256, **settings}.items():
        cfg.set(name, value)
    memory = Memory(cfg)
    for line in LINES:  # what both see first
        outcome(heads([head(line)], NEIGHBOUR, memory))
    assert len(memory) > 5
    for first, second in product(LINES, repeat=2):
        data = head(b"Accept: */*", first, second)
        assert outcome(heads([data], addr, memory)) == outcome(RequestParser(cfg, [data], addr)), data


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"GET / HTTP/1.1",
            b"GET / HTTP/1.0",
            b"POST /a%20b HTTP/1.1",
            b"GET http://a/b HTTP/1.1",
            b"OPTIONS * HTTP/1.1",
        ),
        *(
            b"GET /a?b=c HTTP/1.1",
            b"GET /a#b HTTP/1.1",
            b"GET /a HTTP/2.0",
            b"get /a HTTP/1.1",
            b"GET /a",
            b"GET \xff HTTP/1.1",
        ),
    ],
)
def test_a_first_line_is_read_as_by_gunicorn_each_time(line: bytes) -> None:
    cfg = Config()
    memory = Memory(cfg)
    data = line + b"\r\nHost: a\r\n\r\n"
    expected = outcome(RequestParser(cfg, [data], NEIGHBOUR))
    assert [outcome(heads([data], NEIGHBOUR, memory)) for _ in range(2)] == [expected, expected]


def test_first_lines_are_remembered_up_to_a_number_and_without_queries() -> None:
    memory = Memory(Config())
    for line in (b"GET /a?secret HTTP/1.1", b"GET /%b HTTP/1.1" % (b"a" * LONGEST)):
        outcome(heads([line + b"\r\n\r\n"], NEIGHBOUR, memory))
    assert not memory.targets
    for number in range(MOST + 10):
        outcome(heads([b"GET /%d HTTP/1.1\r\n\r\n" % number], NEIGHBOUR, memory))
    assert 0 < len(memory.targets) <= MOST


def test_the_number_of_lines_stays_limited() -> None:
    cfg = Config()
    memory = Memory(cfg)
    cfg.set("limit_request_fields", 3)
    lines = [b"Host: a", b"Accept: b", b"Origin: c", b"Referer: d"]
    for line in lines:
        outcome(heads([head(line)], NEIGHBOUR, memory))
    for count in (3, 4):
        data = head(*lines[:count])
        assert outcome(heads([data], NEIGHBOUR, memory)) == outcome(RequestParser(cfg, [data], NEIGHBOUR))


def test_lines_that_gunicorn_leaves_out_are_counted_as_well() -> None:
    memory = Memory(Config())
    lines = [b"X_%d: y" % number for number in range(memory.cfg.limit_request_fields)]
    assert not isinstance(outcome(heads([head(*lines)], NEIGHBOUR, memory)), type)
    assert outcome(heads([head(*lines, b"X_Y: z")], NEIGHBOUR, memory)) is LimitRequestHeaders


def test_trailers_are_read_by_their_own_rules() -> None:
    cfg = Config()
    memory = Memory(cfg)
    outcome(heads([head(b"Host: a")], NEIGHBOUR, memory))
    data = head(b"Transfer-Encoding: chunked").removesuffix(b"\r\n") + b"Host: a\r\n\r\n"
    assert outcome(heads([data], NEIGHBOUR, memory)) == outcome(RequestParser(cfg, [data], NEIGHBOUR))
    assert isinstance(outcome(heads([data], NEIGHBOUR, memory)), type)


def test_no_secret_and_nothing_large_is_remembered() -> None:
    memory = Memory(Config())
    lines = [b"Authorization: Bearer a", b"X-Api-Key: b", b"Cookie: c", b"User-Agent: " + b"x" * LONGEST]
    outcome(heads([head(*lines)], NEIGHBOUR, memory))
    assert len(memory) == 0


def test_somebody_who_sends_ever_new_lines_fills_nothing() -> None:
    memory = Memory(Config())
    for number in range(MOST + 10):
        memory.learn([b"User-Agent: %d" % number], [("USER-AGENT", str(number))])
    assert 0 < len(memory) <= MOST
