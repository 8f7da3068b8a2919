"""What a worker does that no client can bring about on purpose; the rest is shown by a real gunicorn."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from gevent import socket as green
from gunicorn.http.errors import InvalidRequestLine

from gateway.app import Gateway
from gateway.body import read_body
from gateway.environs import KNOWN
from gateway.errors import BodyLate
from gateway.intake import Intake
from gateway.patience import TimeLimits, Waits
from gateway.worker import FRESH_SECONDS, Worker
from tests.gateway.scripted import wait_until
from tests.gateway.workers import KEY, LIMIT, SHORT, SOON, post, worker_of


class Client:
    """A socket that takes what is sent, or whose other end has gone."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone = gone
        self.sent = b""

    def send(self, data: bytes, *_: object) -> int:
        if self.gone:
            raise BrokenPipeError
        self.sent += data
        return len(data)

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_WR

    def recv(self, _size: int) -> bytes:
        return b""


def handle(error: Exception, client: Client) -> None:
    worker = SimpleNamespace(log=logging.getLogger("gateway.test"), _waits=Waits(TimeLimits()))
    Worker._refuse(cast("Worker", worker), client, error)


def test_an_error_of_ours_is_a_500_with_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    handle(ZeroDivisionError("oops"), client)
    assert client.sent.startswith(b"HTTP/1.1 500 ")
    assert b"oops" not in client.sent
    assert caplog.records[-1].exc_info is not None


def test_a_client_that_did_not_wait_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    handle(InvalidRequestLine("x"), Client(gone=True))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("end", [gevent.GreenletExit, SystemExit])
def test_a_connection_that_we_close_gets_no_answer(end: type[BaseException]) -> None:
    class Closed(Client):
        """One on which reading is ended by us."""

        def recv(self, _size: int) -> bytes:
            raise end

        def setblocking(self, flag: bool) -> None:
            assert flag

        def close(self) -> None:
            closed.append(self)

    closed: list[Client] = []
    worker = worker_of(lambda _environ, _start: [])
    client = Closed()
    worker.handle(SimpleNamespace(getsockname=lambda: ("127.0.0.1", 80)), client, ("127.0.0.1", 1))
    assert client.sent == b""
    assert closed == [client]


@pytest.mark.parametrize("booted", [True, False])
def test_a_signal_before_the_application_is_there_does_no_harm(*, booted: bool) -> None:
    begun: list[bool] = []
    worker = Worker.__new__(Worker)
    worker.alive, worker.booted = True, booted
    worker.wsgi = cast("Gateway", SimpleNamespace(drain=SimpleNamespace(begin=lambda: begun.append(True))))
    worker.handle_exit(15, None)
    assert not worker.alive
    assert begun == ([True] if booted else [])


@pytest.mark.parametrize(("requests", "patience"), [(0, 5), (1, 95)])
def test_a_new_connection_has_less_time_for_its_headers_than_an_old_one_may_be_idle(
    requests: int, patience: float
) -> None:
    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("content-length", "0")])
        return []

    worker = worker_of(app)
    waits = worker._waits
    client, server = green.socketpair()
    serving = gevent.spawn(worker.handle, server, server, ("127.0.0.1", 1))
    with client, gevent.Timeout(10):
        for _ in range(requests):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 OK")
        wait_until(lambda: len(waits.idle if requests else waits.fresh) == 1)
        begun, loop = time.monotonic(), gevent.get_hub().loop
        loop.run_callback(worker.look_after, begun + patience - 5)
        gevent.idle()
        assert not serving.ready()
        loop.run_callback(worker.look_after, begun + patience + 1)
        assert client.recv(65_536) == b""
        serving.get()
    assert not waits.idle and not waits.fresh


class Ending:
    """An application that reads bodies, in a worker that has stopped listening; `beats` are when it told its master."""

    def __init__(self) -> None:
        self.drain = SimpleNamespace(over=False)
        self.beats = list[float]()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["QUERY_STRING"] == KEY:
            environ[KNOWN]()
        try:
            read_body(environ, LIMIT)
            start_response("200 OK", [("content-length", "0")])
        except BodyLate:
            start_response("408 Request Timeout", [("content-length", "0")])
        return []

    def worker(self, limits: TimeLimits) -> Worker:
        worker = worker_of(self, limits)
        worker.alive, worker.ppid = False, 0
        worker.tmp = SimpleNamespace(notify=lambda: self.beats.append(time.monotonic()))
        return worker


def test_at_the_end_a_connection_without_a_request_is_waited_for_but_not_for_long() -> None:
    ending = Ending()
    worker = ending.worker(TimeLimits())
    worker._waits.fresh[cast("Intake", object())] = started = time.monotonic()
    worker._finish_requests()
    assert ending.beats[-1] - started > FRESH_SECONDS / 2
    assert time.monotonic() - started < FRESH_SECONDS + 1


@pytest.mark.parametrize(
    ("path", "limits"), [(f"/?{KEY}", replace(SHORT, stranger=0)), ("/", TimeLimits())], ids=["key", "stranger"]
)
def test_at_the_end_a_body_that_comes_slowly_is_waited_for_as_ever_but_not_a_strangers(
    path: str, limits: TimeLimits
) -> None:
    worker = Ending().worker(limits)
    client, server = green.socketpair()
    address = ("127.0.0.1", 1)
    serving = gevent.spawn(worker.handle, SimpleNamespace(getsockname=lambda: address), server, address)
    with client, gevent.Timeout(SOON):
        client.sendall(post(path, length=LIMIT) + b"x")
        wait_until(lambda: bool(worker._waits.bodies or worker._waits.strange))
        worker._finish_requests()
        assert client.recv(65_536).startswith(b"HTTP/1.1 408 ")
        client.close()
        serving.get()
