"""How a greenlet waits, and what it leaves when it is torn away."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import gevent
import pytest
from gevent.event import Event

from devtools.waiting import until
from gateway.breathing import breathe
from gateway.http1 import Client
from gateway.http1.dialling import RECEIVED_BYTES, dial
from gateway.http1.routes import route
from gateway.http1.wire import Wire
from kimi.errors import Unreachable, UpstreamTimeout
from kimi.http import PULSE_SECONDS
from tests.gateway.scripted import wait_until
from tests.kimi.loopback import Peer, Server

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[Wire, socket.socket]]:
    """A wire, and the other end of its socket."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    wire = Wire(ours)
    wire.patience = 5.0
    yield wire, theirs
    wire.close()
    theirs.close()


Ends = tuple[Wire, socket.socket]


def rounds() -> int:
    """So often does the event loop turn while nothing has to be done: thousands of times where it looks for what is
    there and nobody reads.
    """
    loop = gevent.get_hub().loop
    before: int = loop.iteration
    gevent.sleep(0.05)
    return int(loop.iteration) - before


def test_what_is_there_is_read_at_once_and_what_is_not_when_it_comes(ends: Ends) -> None:
    wire, other = ends
    other.sendall(b"one")
    assert wire.receive() == b"one"
    gevent.spawn_later(0.01, other.sendall, b"two")
    assert wire.receive() == b"two"
    other.shutdown(socket.SHUT_WR)
    assert wire.receive() == b""


def test_a_reader_is_woken_in_its_own_read_only(ends: Ends) -> None:
    wire, other = ends
    got: list[bytes] = []
    busy, done = Event(), Event()

    def read() -> None:
        got.append(wire.receive())
        busy.set()
        done.wait()
        got.append(wire.receive())

    reader = gevent.spawn(read)
    gevent.idle()
    other.sendall(b"one")
    assert busy.wait(5)
    other.sendall(b"two")
    assert rounds() < 100
    assert got == [b"one"] and not reader.dead
    done.set()
    reader.get(timeout=5)
    assert got == [b"one", b"two"]


def test_silence_is_counted_from_the_last_byte(ends: Ends) -> None:
    wire, other = ends
    wire.patience = 0.4
    for _ in range(6):
        reader = gevent.spawn(wire.receive)
        gevent.idle()  # it waits
        wire._since -= 0.1  # for so long already
        gevent.get_hub().loop.run_callback(wire._look_at_the_clock)
        gevent.idle()
        other.sendall(b"x")
        assert reader.get(timeout=5) == b"x"
    with pytest.raises(TimeoutError), gevent.Timeout(5):
        wire.receive()
    other.sendall(b"late")
    assert wire.receive() == b"late"


def test_what_came_while_the_process_was_busy_came_in_time(ends: Ends) -> None:
    wire, other = ends
    wire.patience = 0.02
    reader = gevent.spawn(wire.receive)
    gevent.idle()
    other.sendall(b"in time")
    until(lambda: time.monotonic() - wire._since > wire.patience)  # no greenlet runs meanwhile
    gevent.get_hub().loop.run_callback(wire._look_at_the_clock)
    assert reader.get(timeout=5) == b"in time"


def fill(wire: Wire) -> None:
    """Until nothing more can be sent."""
    while wire.send(bytes(65_536)):
        pass


def drain(other: socket.socket) -> None:
    """Takes all that was sent."""
    with suppress(BlockingIOError):
        while other.recv(65_536, socket.MSG_DONTWAIT):
            pass


def test_whoever_waits_to_send_is_not_woken_by_what_comes(ends: Ends) -> None:
    wire, other = ends
    other.sendall(b"unread")
    fill(wire)
    waiting = gevent.spawn(wire.wait_to_send)
    for _ in range(3):
        gevent.idle()
    assert not waiting.dead
    drain(other)
    waiting.get(timeout=5)
    assert wire.receive() == b"unread"


def test_what_could_be_sent_while_the_process_was_busy_was_taken_in_time(ends: Ends) -> None:
    wire, other = ends
    wire.patience = 0.02
    fill(wire)
    waiting = gevent.spawn(wire.wait_to_send)
    gevent.idle()
    drain(other)
    until(lambda: time.monotonic() - wire._since > wire.patience)  # no greenlet runs meanwhile
    gevent.get_hub().loop.run_callback(wire._look_at_the_clock)
    waiting.get(timeout=5)


def test_less_patience_holds_at_once(ends: Ends) -> None:
    wire, other = ends
    other.sendall(b"x")
    wire.patience = 60.0
    wire._wait_to_read()
    wire.receive()
    wire.patience = 0.05
    with pytest.raises(TimeoutError), gevent.Timeout(5):
        wire.receive()


def test_a_reader_that_is_torn_away_leaves_the_wire_as_it_was(ends: Ends) -> None:
    wire, other = ends
    reader = gevent.spawn(wire.receive)
    gevent.idle()
    reader.kill()
    other.sendall(b"for the next one")
    assert rounds() < 100
    assert wire.receive() == b"for the next one"


def test_whoever_rests_is_disturbed_unless_somebody_is_about_to_wait_again(ends: Ends) -> None:
    wire, other = ends
    told: list[Wire] = []
    wire.rest(told.append)
    wire.rouse()
    other.sendall(b"x")
    breathe()
    assert told == []
    wire.rest(told.append)
    breathe()
    assert told == [wire]


def test_a_timeout_of_the_caller_passes(ends: Ends) -> None:
    wire, _ = ends
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.01):
        wire.receive()


def asked(peer: Peer) -> None:
    peer.request()


def begun(peer: Peer) -> None:
    peer.request()
    peer.send(CHUNKED)


def unread(peer: Peer) -> None:
    peer.until(b"\r\n\r\n")


@pytest.mark.parametrize("how", ["kill", "throw"])
@pytest.mark.parametrize(
    ("serve", "size"), [(asked, 2), (begun, 2), (unread, 30_000_000)], ids=["head", "body", "sending"]
)
def test_whoever_is_torn_away_from_an_answer_closes_the_connection(
    client: Client, serve: Callable[[Peer], None], size: int, how: str
) -> None:
    ready, left = threading.Event(), threading.Event()

    def handle(peer: Peer) -> None:
        serve(peer)
        ready.set()
        if serve is unread:
            assert left.wait(10)
        peer.wait_closed()
        left.set()

    def read(url: str) -> None:
        with client.stream("PUT", url, headers={}, content=bytes(size), timeout=60) as reply:
            list(reply.chunks())

    with Server(handle) as server:
        reader = gevent.spawn(read, server.url)
        wait_until(ready.is_set)
        if how == "kill":
            reader.kill()
        else:
            reader.kill(Unreachable("enough"), block=False)
            with pytest.raises(Unreachable, match="enough"):
                reader.get(timeout=5)
        if serve is unread:
            left.set()
        assert left.wait(5)


def test_whoever_is_torn_away_while_the_end_is_waited_for_closes_the_connection(client: Client) -> None:
    leaving, closed = Event(), threading.Event()

    def handle(peer: Peer) -> None:
        begun(peer)
        peer.send(b"2\r\nab\r\n")
        peer.wait_closed()
        closed.set()

    def read(url: str) -> None:
        with client.stream("GET", url, headers={}, timeout=60) as reply:
            next(reply.chunks())
            leaving.set()

    with Server(handle) as server:
        reader = gevent.spawn(read, server.url)
        assert leaving.wait(5)
        with suppress(gevent.GreenletExit):
            reader.kill()
        assert closed.wait(0.25)


def test_behind_a_fault_nothing_is_waited_for(client: Client) -> None:
    def handle(peer: Peer) -> None:
        begun(peer)
        peer.send(b"4\r\ngood\r\nrubbish\r\n")
        peer.wait_closed()

    with Server(handle) as server, client.stream("GET", server.url, headers={}, timeout=60) as reply:
        chunks = reply.chunks()
        assert next(chunks) == b"good"
        with gevent.Timeout(5), pytest.raises(Unreachable, match="Malformed"):
            next(chunks)


@pytest.mark.parametrize("coding", [b"identity", b"gzip"])
def test_a_silent_answer_lets_its_reader_look_after_other_things(client: Client, coding: bytes) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: %b\r\n\r\n" % coding)
        peer.wait_closed()

    with Server(handle) as server, client.stream("GET", server.url, headers={}, timeout=PULSE_SECONDS + 0.2) as reply:
        began = time.monotonic()
        chunks = reply.chunks()
        assert next(chunks) == b""
        assert time.monotonic() - began < PULSE_SECONDS + 0.2
        with pytest.raises(UpstreamTimeout):
            next(chunks)
        assert time.monotonic() - began >= PULSE_SECONDS + 0.2


def test_a_head_that_takes_its_time_lets_its_reader_look_after_other_things(client: Client) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.wait_closed()

    timeout = PULSE_SECONDS + 0.2
    with Server(handle) as server, client.stream("GET", server.url, headers={}, timeout=timeout) as reply:
        began = time.monotonic()
        arriving = reply.arriving()
        next(arriving)
        assert time.monotonic() - began < timeout
        with pytest.raises(UpstreamTimeout):
            next(arriving)


def test_many_streams_side_by_side_get_what_is_theirs(client: Client) -> None:
    everyone = threading.Barrier(30)

    def handle(peer: Peer) -> None:
        name = peer.request().headers["x-name"].encode()
        everyone.wait(10)
        peer.send(CHUNKED, *(b"%x\r\n%s\r\n" % (len(name), name) for _ in range(20)), b"0\r\n\r\n")

    def read(url: str, name: str) -> bytes:
        with client.stream("GET", url, headers={"X-Name": name}, timeout=10) as reply:
            return b"".join(reply.chunks())

    with Server(handle) as server:
        names = [f"reader-{number}" for number in range(30)]
        readers = [gevent.spawn(read, server.url, name) for name in names]
        assert [reader.get(timeout=10) for reader in readers] == [(name * 20).encode() for name in names]
        client.close()


def test_the_kernel_keeps_little_of_an_answer_that_nobody_reads_on() -> None:
    with Server(Peer.wait_closed) as server:
        sock: Any = dial(route(server.url, None), ssl.create_default_context(), 5)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * RECEIVED_BYTES
        sock.close()
