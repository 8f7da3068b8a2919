"""Requests that two parsers might cut in different places: each gets one refusal, and its connection is closed."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import gevent
import orjson
import pytest
from gevent import socket as green

from gateway.body import read_body
from gateway.errors import RequestError
from gateway.server.connections import Connections
from tests.gateway.server.listening import connections_of, rest

ADDRESS = ("127.0.0.1", 80)
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
"""What a request may carry that is taken for a body in one place and for a request in another."""
HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)) + b"\r\n"


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"POST / HTTP/1.1", b"Host: x", *lines, b"", body))


CHUNKED = b"Transfer-Encoding: chunked"
REFUSED = {
    # two lengths
    "length and chunked": post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunked and length": post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 34", body=HIDDEN),
    "two equal lengths": post(b"Content-Length: 1", b"Content-Length: 1", body=b"x" + HIDDEN),
    "a list of lengths": post(b"Content-Length: 0, 34", body=HIDDEN),
    "a list of equal lengths": post(b"Content-Length: 1,1", body=b"x" + HIDDEN),
    # lengths that are none
    "length with a sign": post(b"Content-Length: +34", body=HIDDEN),
    "negative length": post(b"Content-Length: -1", body=HIDDEN),
    "length in hex": post(b"Content-Length: 0x22", body=HIDDEN),
    "length with an underscore": post(b"Content-Length: 3_4", body=HIDDEN),
    "length with a fraction": post(b"Content-Length: 34.0", body=HIDDEN),
    "length in other digits": post(b"Content-Length: \xb2", body=HIDDEN),
    "no length": post(b"Content-Length:", body=HIDDEN),
    "length behind a vertical tab": post(b"Content-Length: \x0b34", body=HIDDEN),
    "length of ten thousand digits": post(b"Content-Length: " + b"9" * 10_000),
    # codings that are none
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunked in two lines": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunked and identity": post(CHUNKED, b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + HIDDEN),
    "identity": post(b"Transfer-Encoding: identity", body=HIDDEN),
    "chunked not last": post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n" + HIDDEN),
    "gzip": post(b"Transfer-Encoding: gzip", body=HIDDEN),
    "something like chunked": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunked in quotes": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n" + HIDDEN),
    "chunked behind a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunked with a NUL": post(b"Transfer-Encoding: chunked\x00", body=b"0\r\n\r\n" + HIDDEN),
    "no coding": post(b"Transfer-Encoding:", body=HIDDEN),
    "chunked in HTTP/1.0": post(CHUNKED, body=b"0\r\n\r\n" + HIDDEN).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    # lines
    "a blank before the colon": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + HIDDEN),
    "a tab before the colon": post(b"Content-Length\t: 34", body=HIDDEN),
    "a folded line": post(b"X: y", b" Content-Length: 34", body=HIDDEN),
    "a folded value": post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n" + HIDDEN),
    "a first line that is folded": b"POST / HTTP/1.1\r\n Host: x\r\n\r\n",
    "a NUL in a name": post(b"Content-\x00Length: 34", body=HIDDEN),
    "a NUL in a value": post(b"X: y\x00z"),
    "a bare LF": b"POST / HTTP/1.1\nHost: x\nContent-Length: 34\n\n" + HIDDEN,
    "a bare LF in a value": post(b"X: y\nContent-Length: 34", body=HIDDEN),
    "a bare CR in a value": post(b"X: y\rContent-Length: 34", body=HIDDEN),
    "a bare CR at the end": post(b"X: y\r", body=HIDDEN),
    "no name": post(b": 34", body=HIDDEN),
    "no colon": post(b"Content-Length 34", body=HIDDEN),
    "a name in other letters": post("Content\u2010Length: 34".encode(), body=HIDDEN),
    "two hosts": post(b"Host: y"),
    # first lines
    "a blank before the method": b" GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "two blanks": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank in the path": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a NUL in the path": b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "another version": b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
    "a version that nobody speaks": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "the last version below 2": b"GET / HTTP/1.9\r\nHost: x\r\n\r\n",
    "a version of three digits": b"GET / HTTP/1.10\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2": HTTP_2,
    "TLS": TLS,
    "two empty lines first": b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    # chunks
    "a size with a sign": post(CHUNKED, body=b"+1\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "a size in 0x": post(CHUNKED, body=b"0x1\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "a size with an underscore": post(CHUNKED, body=b"1_0\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "no size": post(CHUNKED, body=b"\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "a size behind a blank": post(CHUNKED, body=b" 1\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "a size before a blank": post(CHUNKED, body=b"1 \r\nx\r\n0\r\n\r\n" + HIDDEN),
    "a chunk that is longer than it says": post(CHUNKED, body=b"1\r\nxy\r\n0\r\n\r\n" + HIDDEN),
    "a chunk without an end": post(CHUNKED, body=b"1\r\nx0\r\n\r\n" + HIDDEN),
    "a bare LF behind a size": post(CHUNKED, body=b"1\nx\r\n0\r\n\r\n" + HIDDEN),
    "a bare LF in an extension": post(CHUNKED, body=b"1;a\nb\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "a bare CR in an extension": post(CHUNKED, body=b"1;a\rb\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "a length among the trailers": post(CHUNKED, body=b"0\r\nContent-Length: 34\r\n\r\n" + HIDDEN),
    "a coding among the trailers": post(CHUNKED, body=b"0\r\nTransfer-Encoding: chunked\r\n\r\n" + HIDDEN),
    "a bare LF behind the trailers": post(CHUNKED, body=b"0\r\nX: y\n\n" + HIDDEN),
}
PASSED = {
    "an absolute URI": b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "chunked": post(CHUNKED, body=b"1\r\nx\r\n0\r\n\r\n"),
    "chunked in capitals": post(b"TRANSFER-ENCODING: CHUNKED", body=b"1\r\nx\r\n0\r\n\r\n"),
    "a length with noughts": post(b"Content-Length: 001", body=b"x"),
    "an extension": post(CHUNKED, body=b'1;a=b ; c="d"\r\nx\r\n0\r\n\r\n'),
    "trailers": post(CHUNKED, body=b"1\r\nx\r\n0\r\nX: y\r\n\r\n"),
    "one empty line first": b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture(scope="module")
def connections() -> Connections:
    """Those whose memory of heads all of them have seen."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert environ["PATH_INFO"] == "/", "a hidden request has become one"
        try:
            read_body(environ, 1_000)
            status = "200 OK"
        except RequestError:
            status = "400 Bad Request"
        answer = orjson.dumps({"error": {"code": "incomplete_body"}})
        start_response(status, [("content-type", "application/json"), ("content-length", str(len(answer)))])
        return [answer]

    return connections_of(app)


def answers(connections: Connections, request: bytes) -> list[bytes]:
    """What comes back for all that a client sends, until the other side says that this was all."""
    client, server = green.socketpair()
    serving = gevent.spawn(connections.serve, SimpleNamespace(getsockname=lambda: ADDRESS), server, ADDRESS)
    with client, gevent.Timeout(5):
        client.sendall(request)
        received = rest(client)
        client.close()
        serving.get()
    return received.split(b"HTTP/1.")[1:]


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED)
def test_one_refusal_and_the_end(connections: Connections, request_bytes: bytes) -> None:
    for _ in range(2):  # what is remembered of the first time changes nothing
        (answer,) = answers(connections, request_bytes)
        assert answer[2:5] in {b"400", b"417", b"431", b"501"}
        assert b"\r\nConnection: close\r\n" in answer
        assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]


@pytest.mark.parametrize("request_bytes", PASSED.values(), ids=PASSED)
def test_what_has_one_meaning_is_understood_and_so_is_the_next(connections: Connections, request_bytes: bytes) -> None:
    first, second = answers(connections, request_bytes + post(b"Content-Length: 1", b"Connection: close", body=b"y"))
    assert first[2:5] == second[2:5] == b"200"
