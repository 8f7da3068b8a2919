"""Connections without a gunicorn around them, and what their clients send."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import gevent
import gevent.event
import orjson
from gevent import socket as green
from gunicorn.config import Config

from gateway.body import read_body
from gateway.errors import RequestError
from gateway.explaining import describe
from gateway.server.connections import App, Connections
from gateway.server.environ_keys import KNOWN, SERVED
from gateway.server.listening import prepare
from gateway.server.outlet import SocketOutlet
from gateway.server.patience import TimeLimits

SHORT = TimeLimits(head=0.3, idle=0.9, body=6, grace=0.3, rate=1_024, unread=0.4, leaving=0.4)
SOON = 4.0
"""Seconds that nothing takes on a busy machine that would take longer without one of these limits."""
LIMIT = 300_000
"""Of a body, in bytes."""
LARGE = 4_000_000
"""Of an answer, in bytes."""
KEY, ASKED = "key", "asked"
"""As the query: whoever asks is no stranger, and Kimi is asked for him."""
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def connections_of(app: App, limits: TimeLimits | None = None, **settings: object) -> Connections:
    """What serves `app` to whatever connections it is given."""
    cfg = Config()
    for name, value in settings.items():
        cfg.set(name, value)
    return Connections(app, cfg, logging.getLogger("gateway.test"), limits or TimeLimits(), lambda: False)


class Listening:
    """Serves `app` at an address, until `stop`: with short limits it looks often for what is late."""

    def __init__(self, app: App, limits: TimeLimits, most: int = 50) -> None:
        self.connections = connections_of(app, limits)
        listener = green.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        self.address = listener.getsockname()
        self.connections.listen(listener, most)
        (self.acceptor,) = self.connections.acceptors
        prepare(listener, 60)  # so that it is not the kernel that gives up
        self._beating = gevent.spawn(self._beat)

    def connect(self, room: int | None = None) -> Any:
        """A client, whose system keeps `room` bytes for it."""
        sock = green.socket()
        if room is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        sock.settimeout(8)
        sock.connect(self.address)
        return sock

    def stop(self) -> None:
        self._beating.kill()
        self.connections.close()
        self.connections.kill()

    def _beat(self) -> None:
        loop = gevent.get_hub().loop
        while True:
            loop.run_callback(self.connections.look_after, time.monotonic())
            gevent.sleep(0.02)


class Served(Listening):
    """What listens, and what its application has seen."""

    def __init__(self, limits: TimeLimits, most: int) -> None:
        self.asked = 0
        self.read = 0
        self.closed = 0
        self.written = 0
        self._busy = gevent.event.Event()
        super().__init__(self._app, limits, most)

    def let_go(self) -> None:
        """Ends what is `/busy` or `/slow`."""
        self._busy.set()

    def _app(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.asked += 1
        for query, told in ((KEY, KNOWN), (ASKED, SERVED)):
            if environ["QUERY_STRING"] == query:
                environ[told]()
        try:
            if path != "/unread":
                self.read += len(read_body(environ, LIMIT))
        except RequestError as error:
            problem = describe(error, "req-1")
            start_response(f"{problem.status} x", [("content-type", "application/json")])
            return [orjson.dumps(problem.body)]
        if path == "/busy":
            self._busy.wait()
        if path in {"/stream", "/slow"}:
            start_response("200 OK", [("content-type", "text/event-stream")])
            return Stream(self, SocketOutlet.of(environ)) if path == "/stream" else self._slowly()
        answer = b"x" * LARGE if path == "/large" else b"ok"
        start_response("401 Unauthorized" if path == "/unread" else "200 OK", [("content-length", str(len(answer)))])
        return [answer]

    def _slowly(self) -> Iterator[bytes]:
        yield b"begin"
        self._busy.wait()
        yield b"end"


class Stream:
    """An answer without an end, of which each piece is fetched when the one before has been taken."""

    def __init__(self, served: Served, outlet: Any) -> None:
        self._served = served
        self._outlet = outlet

    def __iter__(self) -> Iterator[bytes]:
        yield b"data: first\n\n"
        while True:
            self._outlet.write(b"x" * 10_000)
            self._served.written += 10_000

    def close(self) -> None:
        self._served.closed += 1


@contextmanager
def serving(limits: TimeLimits = SHORT, most: int = 50) -> Iterator[Served]:
    served = Served(limits, most)
    try:
        with gevent.Timeout(12):
            yield served
    finally:
        served.stop()


def asked(served: Served, request: bytes, count: int, clients: ExitStack) -> list[Any]:
    """So many clients that have sent `request`, and read nothing."""
    found = [clients.enter_context(served.connect(room=2_048)) for _ in range(count)]
    for each in found:
        each.sendall(request)
    return found


def rest(client: Any) -> bytes:
    """All that comes until the connection is closed."""
    return b"".join(iter(lambda: client.recv(65_536), b""))


def asking(request: bytes) -> bytes:
    """The same from a client that holds the body back until it is told that it is wanted."""
    return request.replace(b"Host: x\r\n", b"Host: x\r\nExpect: 100-continue\r\n")


def post(path: str = "/", length: int | None = None) -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
