"""A client that reads nothing: Kimi is slowed down, and soon everything is given back."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gevent
import orjson
import pytest
from gevent.server import StreamServer
from gevent.socket import wait_write

from gateway.app import create_app
from gateway.auth import Caller, ClientKeys
from gateway.catalogue import Catalogue
from gateway.client_limits import Place
from gateway.drain import Drain
from gateway.http1 import Client
from gateway.metrics import Metrics
from gateway.server.patience import TimeLimits
from gateway.services import Services
from gateway.settings import GatewaySettings
from kimi.accounts import Account, Kind
from kimi.events import Usage
from kimi.http import Endpoints
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build
from tests.gateway.fakes import KEY, Clock, ScriptedPool
from tests.gateway.houses import House, MakeHouse
from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import Listening

MODEL = "kimi-k2.6"
PIECE = b"data: %b\n\n" % orjson.dumps(
    {"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "word " * 200}}]}
)
BOUND = 1_500_000
"""Bytes of an answer that stand between Kimi and a client that reads nothing, by far the most of them in the kernel."""


class Kimi:
    """Answers without an end, and counts what it could write."""

    def __init__(self) -> None:
        self.written = 0
        self.wrote = 0.0  # when it did so last
        self.gone = 0
        self._server = StreamServer(("127.0.0.1", 0), self._answer)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.stop()

    def _answer(self, sock: Any, _address: Any) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)  # its own is none of the gateway's
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += sock.recv(65_536)
        try:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                sock.sendall(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
                self.written += len(PIECE)
                self.wrote = time.monotonic()
                wait_write(sock.fileno())
        except OSError:
            self.gone += 1


class Counted(Place):
    """Counts who is inside."""

    inside = 0

    def enter(self, _caller: Caller) -> Place:
        self.inside += 1
        return self

    def leave(self, usage: Usage | None) -> None:
        del usage
        self.inside -= 1


@pytest.fixture
def kimi() -> Iterator[Kimi]:
    with closing(Kimi()) as kimi:
        yield kimi


@pytest.fixture
def house(make_house: MakeHouse, kimi: Kimi) -> Iterator[House]:
    with closing(Client()) as client:
        house = make_house(upstreams=build(Line(client, Endpoints(moonshot=kimi.url))))
        house.pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=(MODEL,))
        yield house


def test_who_reads_nothing_holds_neither_memory_nor_an_account(house: House, kimi: Kimi) -> None:
    gate, scripted = Counted(), ScriptedPool(Clock())
    scripted.known = house.pool.members.summary()
    services = Services(
        completions=house.completions,
        catalogue=Catalogue(scripted),
        keys=ClientKeys([KEY]),
        tokens=scripted,
        metrics=Metrics(),
        drain=Drain(30),
        settle=lambda _seconds: None,
        gate=gate,
    )
    app = create_app(GatewaySettings.model_validate({"gateway_api_keys": KEY}), services)
    served = Listening(app, TimeLimits(unread=5))
    body = orjson.dumps({"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    try:
        with gevent.Timeout(20), served.connect(4_096) as client:
            client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert client.recv(12) == b"HTTP/1.1 200"
            wait_until(lambda: stands_still(kimi))
            assert 0 < kimi.written < BOUND
            assert (gate.inside, house.pool.count("key"), kimi.gone) == (1, 1, 0), "it is not over yet"
            wait_until(lambda: bool(kimi.gone))
            wait_until(lambda: not gate.inside)
            house.settle()
    finally:
        served.stop()


def stands_still(kimi: Kimi) -> bool:
    """Whether it could write nothing for a while."""
    return kimi.written > 0 and time.monotonic() - kimi.wrote > 0.2
