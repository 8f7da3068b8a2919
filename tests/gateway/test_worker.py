"""What a worker does that no client can bring about on purpose; the rest is shown by a real gunicorn."""

from __future__ import annotations

import logging
import socket
import time
from types import SimpleNamespace
from typing import cast

import gevent
import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidRequestLine

from gateway.app import Gateway
from gateway.heads import Memory
from gateway.worker import FRESH_SECONDS, HEADER_SECONDS, Worker


class Client:
    """A socket that takes what is sent, or whose other end has gone."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone = gone
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        if self.gone:
            raise BrokenPipeError
        self.sent += data

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_WR

    def recv(self, _size: int) -> bytes:
        return b""


def handle(error: Exception, client: Client) -> None:
    worker = SimpleNamespace(log=logging.getLogger("gateway.test"))
    Worker.handle_error(cast("Worker", worker), None, client, None, error)


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
    worker = Worker.__new__(Worker)
    worker.log, worker._fresh, worker._memory = logging.getLogger("gateway.test"), set(), Memory(Config())
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


def test_a_new_connection_has_less_time_for_its_headers_than_an_old_one_may_be_idle() -> None:
    worker = Worker.__new__(Worker)
    worker._memory = Memory(SimpleNamespace(keepalive=95))
    worker._fresh = {gevent.getcurrent()}
    assert worker.timeout_ctx().seconds == HEADER_SECONDS
    worker._fresh.clear()  # its first request has come
    assert worker.timeout_ctx().seconds == 95


def test_at_the_end_a_connection_without_a_request_is_waited_for_but_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent, beats = object(), list[float]()
    worker = Worker.__new__(Worker)
    worker._requests, worker._fresh = 0, {silent}
    worker.wsgi = cast("Gateway", SimpleNamespace(drain=SimpleNamespace(over=False)))
    monkeypatch.setattr(worker, "notify", lambda: beats.append(time.monotonic()))
    started = time.monotonic()
    worker._finish_requests()
    assert beats[-1] - started > FRESH_SECONDS / 2
    assert time.monotonic() - started < FRESH_SECONDS + 1
