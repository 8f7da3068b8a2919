"""An application sees what gunicorn would have shown it."""

from __future__ import annotations

import socket
import tracemalloc
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.parser import RequestParser

from gateway.server.answer import Answer
from gateway.server.environ_keys import ROOM
from gateway.server.environs import Environs

CLIENT, SERVER = ("127.0.0.1", 40_000), ("127.0.0.1", 80)
OWN = {"wsgi.errors", "wsgi.early_hints", "wsgi.multithread", ROOM}
HEADS = [
    b"",
    b"Host: a:8000\r\nUser-Agent: x\r\nX-Request-ID: 1",
    b"Content-Type: text/plain\r\nContent-Length: 0",
    b"Transfer-Encoding: chunked",
    b"Accept: a\r\nAccept: b\r\naccept: c",
    b"X-A-B: a\r\nX-A-b: b",
    b"X-Forwarded-Proto: https",
    b"SCRIPT_NAME: /x",
    b"Expect: 100-continue",
    b"Authorization: Bearer \xe4",
]


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def at_once() -> None:
    """The client always has room."""


def parsed(cfg: Config, lines: bytes) -> Any:
    return next(RequestParser(cfg, [b"POST /x/%61?b=c%20#d HTTP/1.1\r\n" + lines + b"\r\n\r\n0\r\n\r\n"], CLIENT))


@pytest.mark.parametrize("server", [SERVER, "/run/socket"], ids=["tcp", "file"])
@pytest.mark.parametrize("client", [CLIENT, ""], ids=["tcp", "file"])
@pytest.mark.parametrize("lines", HEADS)
def test_every_head_is_shown_as_by_gunicorn(sock: socket.socket, lines: bytes, client: Any, server: Any) -> None:
    cfg = Config()
    shown: list[dict[str, Any]] = []
    ours = partial(Environs(cfg).create, await_room=at_once)
    theirs = partial(wsgi.create, cfg=cfg, response_class=Answer, response_args=(at_once,))
    for create in (ours, theirs):
        answer, environ = create(parsed(cfg, lines), sock, client, server)
        assert isinstance(answer, Answer)
        environ["wsgi.input"] = environ["wsgi.input"].read()
        shown.append({name: value for name, value in environ.items() if name not in OWN})
    assert shown[0] == shown[1]
    assert shown[0]["gunicorn.socket"] is sock


def test_what_a_proxy_says_of_the_connection_is_shown(sock: socket.socket) -> None:
    cfg = Config()
    request = parsed(cfg, b"Host: a")
    request.proxy_protocol_info = {
        "proxy_protocol": "TCP4",
        "client_addr": "10.0.0.1",
        "client_port": 1,
        "proxy_addr": "10.0.0.2",
        "proxy_port": 2,
    }
    _, environ = Environs(cfg).create(request, sock, CLIENT, SERVER, at_once)
    assert environ["REMOTE_ADDR"] == "10.0.0.1"


def test_nothing_of_a_request_is_in_the_next_one(sock: socket.socket) -> None:
    cfg = Config()
    environs = Environs(cfg)
    _, first = environs.create(parsed(cfg, b"X-Api-Key: a"), sock, CLIENT, SERVER, at_once)
    first["late"] = True
    _, second = environs.create(parsed(cfg, b"Host: a"), sock, CLIENT, SERVER, at_once)
    assert "HTTP_X_API_KEY" not in second and "late" not in second


def test_what_anybody_can_send_takes_no_memory(sock: socket.socket) -> None:
    environs = Environs(Config())

    def send(number: int) -> None:
        req = parsed(Config(), b"%b-%d: 1" % (b"X" * 8_000, number))
        assert f"HTTP_{'X' * 8_000}_{number}" in environs.create(req, sock, CLIENT, SERVER, at_once)[1]

    send(0)
    tracemalloc.start()
    for number in range(1, 100):
        send(number)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000
