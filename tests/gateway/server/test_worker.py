"""What a worker does that no client can bring about on purpose; the rest is shown by a real gunicorn."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from gevent import socket as green
from gunicorn.config import Config

from gateway.app import Gateway
from gateway.body import read_body
from gateway.drain import Drain
from gateway.errors import BodyLate
from gateway.server.connections import FRESH_SECONDS
from gateway.server.environ_keys import KNOWN
from gateway.server.intake import Intake
from gateway.server.patience import TimeLimits
from gateway.server.worker import Worker
from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import KEY, LIMIT, SHORT, SOON, connections_of, post

ROOT = Path(__file__).parents[3]


def nothing(_environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
    return []


def test_it_is_there_without_an_application() -> None:
    ours = "('flask', 'gateway.app', 'gateway.views')"
    command = f"import sys, gateway.server.worker; print([name for name in sys.modules if name.startswith({ours})])"
    said = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_an_error_of_ours_is_a_500_with_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer = connections_of(nothing).refused(ZeroDivisionError("oops"))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"oops" not in answer
    assert caplog.records[-1].exc_info is not None


def test_a_client_that_did_not_wait_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    client, server = green.socketpair()
    client.sendall(b"x\r\n\r\n")
    client.close()
    connections_of(nothing).serve(SimpleNamespace(getsockname=lambda: ("127.0.0.1", 80)), server, ("127.0.0.1", 1))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("end", [gevent.GreenletExit, SystemExit])
def test_a_connection_that_we_close_gets_no_answer(end: type[BaseException]) -> None:
    class Closed:
        """A client on which reading is ended by us, and nothing can be sent."""

        def recv(self, _size: int) -> bytes:
            raise end

        def setblocking(self, flag: bool) -> None:
            assert flag

        def close(self) -> None:
            closed.append(self)

    closed: list[Closed] = []
    client = Closed()
    connections_of(nothing).serve(SimpleNamespace(getsockname=lambda: ("127.0.0.1", 80)), client, ("127.0.0.1", 1))
    assert closed == [client]


@pytest.mark.parametrize("booted", [True, False])
def test_a_signal_before_the_application_is_there_does_no_harm(*, booted: bool) -> None:
    drain = Drain(0)
    worker = Worker(1, os.getpid(), [], None, 30, Config(), logging.getLogger("gateway.test"))
    worker.booted = booted
    worker.wsgi = cast("Gateway", SimpleNamespace(drain=drain))
    try:
        worker.handle_exit(15, None)
    finally:
        worker.tmp.close()
    assert not worker.alive
    assert drain.begun is booted


@pytest.mark.parametrize("whole", [True, False])
def test_what_the_master_has_noted_is_heard_without_its_signal(*, whole: bool) -> None:
    """One that comes right behind the fork is lost: gunicorn's own handlers are still there."""
    drain = Drain(0)
    worker = Worker(1, os.getppid(), [], None, 30, Config(), logging.getLogger("gateway.test"))
    worker.wsgi = cast("Gateway", SimpleNamespace(drain=drain))
    worker.connections = worker.watchers = connections_of(nothing)
    seen = []
    try:
        for note in (None, {}, {"whole": whole}):
            if note is not None:
                worker.ending.begin(**note)
            worker._await_beat()
            seen.append((worker.alive, drain.begun, drain.whole))
    finally:
        worker.tmp.close()
    assert seen == [(True, False, False), (False, True, False), (False, True, whole)]


@pytest.mark.parametrize(("requests", "patience"), [(0, 5), (1, 95)])
def test_a_new_connection_has_less_time_for_its_headers_than_an_old_one_may_be_idle(
    requests: int, patience: float
) -> None:
    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("content-length", "0")])
        return []

    connections = connections_of(app)
    waits = connections.waits
    client, server = green.socketpair()
    serving = gevent.spawn(connections.serve, server, server, ("127.0.0.1", 1))
    with client, gevent.Timeout(10):
        for _ in range(requests):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 OK")
        wait_until(lambda: len(waits.idle if requests else waits.fresh) == 1)
        begun, loop = time.monotonic(), gevent.get_hub().loop
        loop.run_callback(connections.look_after, begun + patience - 5)
        gevent.idle()
        assert not serving.ready()
        loop.run_callback(connections.look_after, begun + patience + 1)
        assert client.recv(65_536) == b""
        serving.get()
    assert not waits.idle and not waits.fresh


class Ending:
    """An application that reads bodies, and its connections, to which no others come; `beats` were waited for."""

    over = False

    def __init__(self, limits: TimeLimits) -> None:
        self.connections = connections_of(self, limits)
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

    def finish(self) -> None:
        self.connections.finish(self, self.beat)

    def beat(self) -> None:
        self.beats.append(time.monotonic())
        gevent.get_hub().loop.run_callback(self.connections.look_after, self.beats[-1])
        gevent.sleep(0.05)


def test_at_the_end_a_connection_without_a_request_is_waited_for_but_not_for_long() -> None:
    ending = Ending(TimeLimits())
    ending.connections.waits.fresh[cast("Intake", object())] = started = time.monotonic()
    ending.finish()
    assert ending.beats[-1] - started > FRESH_SECONDS / 2
    assert time.monotonic() - started < FRESH_SECONDS + 1


def test_at_the_end_whoever_has_had_the_last_answer_is_heard_out_but_not_for_long() -> None:
    ending = Ending(TimeLimits())
    client, server = green.socketpair()
    address = ("127.0.0.1", 1)
    serving = gevent.spawn(ending.connections.serve, SimpleNamespace(getsockname=lambda: address), server, address)
    with client, gevent.Timeout(SOON):
        client.sendall(post(length=LIMIT + 1))
        wait_until(lambda: bool(ending.connections.waits.leaving))
        started = time.monotonic()
        ending.finish()
        assert time.monotonic() - started > FRESH_SECONDS / 2
        assert serving.ready()


@pytest.mark.parametrize(
    ("path", "limits"), [(f"/?{KEY}", replace(SHORT, stranger=0)), ("/", TimeLimits())], ids=["key", "stranger"]
)
def test_at_the_end_a_body_that_comes_slowly_is_waited_for_as_ever_but_not_a_strangers(
    path: str, limits: TimeLimits
) -> None:
    ending = Ending(limits)
    waits = ending.connections.waits
    client, server = green.socketpair()
    address = ("127.0.0.1", 1)
    serving = gevent.spawn(ending.connections.serve, SimpleNamespace(getsockname=lambda: address), server, address)
    with client, gevent.Timeout(SOON):
        client.sendall(post(path, length=LIMIT) + b"x")
        wait_until(lambda: bool(waits.bodies or waits.strange))
        ending.finish()
        assert client.recv(65_536).startswith(b"HTTP/1.1 408 ")
        client.close()
        serving.get()
