"""What goes wrong on the way to an upstream is told without a word of what was sent, or of what came."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest
import requests
import urllib3

from gateway.http1 import Client
from kimi.errors import Unreachable, UpstreamError
from kimi.http import Http, Transport, request
from kimi.http.failures import explained
from tests.kimi.loopback import Peer, Server, refused_port

OK = b"HTTP/1.1 200 OK\r\n"
TOKEN = "acc7Zr9Q0kLmN2vXy4Tt8Ww1Aa"
"""Short, and of no known form."""


@pytest.fixture(params=[Transport, Client])
def http(request: pytest.FixtureRequest) -> Iterator[Http]:
    """Both that keep the contract."""
    http: Transport | Client = request.param(connect_timeout=5)
    yield http
    http.close()


def saying(said: bytes) -> Server:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(said)

    return Server(handle)


def failure(http: Http, url: str, *, proxy: str | None = None, token: str = TOKEN) -> UpstreamError:
    with pytest.raises(UpstreamError) as raised:
        request(http, "POST", url, headers={"Authorization": f"Bearer {token}"}, content=b"{}", proxy=proxy, timeout=5)
    return raised.value


@pytest.mark.parametrize(
    "said",
    [
        b"ERR token TOKEN refused\r\n\r\n",
        b'{"accessToken":"TOKEN","refreshToken":"TOKEN"}\n',
        b"HTTP/1.1 TOKEN\r\n\r\n",
        b"HTTP/TOKEN 200 OK\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nTOKEN\r\n",
        OK + b"Content-Length: 50\r\n\r\nTOKEN",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 26\r\n\r\nTOKEN",
    ],
    ids=["line", "no head", "status", "version", "chunk", "cut", "packed"],
)
def test_an_answer_that_is_none_is_not_quoted_and_the_request_has_left(http: Http, said: bytes) -> None:
    with saying(said.replace(b"TOKEN", TOKEN.encode())) as server:
        error = failure(http, server.url)

    assert error.sent
    assert TOKEN not in "".join(traceback.format_exception(error))


def test_a_head_that_is_refused_has_come_behind_a_request() -> None:
    # What becomes of `Content-Length: 1, 2`: urllib3 leaves the connection to the garbage, so none is made here.
    refused = requests.exceptions.InvalidHeader(urllib3.exceptions.InvalidHeader(f"unmatching values (1, {TOKEN})"))
    refused.__cause__ = refused.args[0]
    error = explained("kimi.example", refused)

    assert str(error) == "kimi.example: InvalidHeader"
    assert error.sent


@pytest.mark.parametrize("reason", [b"TOKEN", b"Proxy Authentication Required"])
def test_of_a_proxy_that_refuses_the_status_alone_is_told(http: Http, reason: bytes) -> None:
    refusal = b"HTTP/1.1 407 " + reason.replace(b"TOKEN", TOKEN.encode()) + b"\r\nContent-Length: 0\r\n\r\n"
    with saying(refusal) as server:
        error = failure(http, "https://far.invalid/", proxy=server.url)

    assert str(error) == "far.invalid: OSError: the proxy answered 407"
    assert not error.sent
    assert TOKEN not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("url", "token", "proxy"),
    [
        ("http://127.0.0.1:1:2/", TOKEN, None),
        ("nowhere", TOKEN, None),
        ("http://127.0.0.1/", f"\u4f60{TOKEN}", None),
        ("http://127.0.0.1/", f"a\r\nX: {TOKEN}", None),
        ("http://127.0.0.1/", TOKEN, f"socks9://user:{TOKEN}@127.0.0.1:1"),
        ("http://127.0.0.1/", TOKEN, f"http://user:{TOKEN}@127.0.0.1:1:1"),
    ],
)
def test_what_cannot_be_sent_has_not_left(http: Http, url: str, token: str, proxy: str | None) -> None:
    error = failure(http, url, proxy=proxy, token=token)

    assert isinstance(error, Unreachable) and not error.sent
    assert "cannot be sent" in str(error)
    assert TOKEN not in "".join(traceback.format_exception(error))


def test_what_the_system_says_is_told(http: Http) -> None:
    port = refused_port()

    assert "Connection refused" in str(failure(http, f"http://127.0.0.1:{port}/"))
