from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent import socket

from gateway.errors import ClientGone
from gateway.server.environ_keys import ROOM
from gateway.server.listening import BUFFER_BYTES, prepare
from gateway.server.outlet import SocketOutlet
from tests.gateway.scripted import wait_until


@pytest.fixture
def ends() -> Iterator[tuple[Any, Any]]:
    listener = socket.socket()  # gevent's; `create_server` would make the standard library's
    listener.bind(("127.0.0.1", 0))
    prepare(listener, 120)
    listener.listen()
    client = socket.create_connection(listener.getsockname())
    client.settimeout(5)
    server, _ = listener.accept()
    with listener, client, server:
        yield server, client


def outlet(sock: Any, protocol: str = "HTTP/1.1") -> SocketOutlet:
    made = SocketOutlet.of({"gunicorn.socket": sock, "SERVER_PROTOCOL": protocol})
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("protocol", "sent"), [("HTTP/1.1", b"b\r\ndata: abc\n\n\r\n"), ("HTTP/1.0", b"data: abc\n\n")]
)
def test_a_piece_is_framed_as_the_client_expects_it(ends: tuple[Any, Any], protocol: str, sent: bytes) -> None:
    server, client = ends
    outlet(server, protocol).write(b"data: abc\n\n")
    assert client.recv(100) == sent


def test_a_server_that_shows_no_socket_has_none() -> None:
    assert SocketOutlet.of({"SERVER_PROTOCOL": "HTTP/1.1"}) is None


def test_a_client_that_makes_no_room_in_its_time_is_gone(ends: tuple[Any, Any]) -> None:
    def await_room() -> None:
        raise TimeoutError

    server, _ = ends
    way = SocketOutlet.of({"gunicorn.socket": server, "SERVER_PROTOCOL": "HTTP/1.1", ROOM: await_room})
    assert way is not None
    with pytest.raises(ClientGone):
        way.write(b"x" * 64 * BUFFER_BYTES)
    assert way.is_torn


def test_a_server_that_says_nothing_of_time_waits(ends: tuple[Any, Any]) -> None:
    server, client = ends
    way = SocketOutlet.of({"gunicorn.socket": server, "SERVER_PROTOCOL": "HTTP/1.0"})
    assert way is not None
    writer = gevent.spawn(way.write, b"x" * 64 * BUFFER_BYTES)
    wait_until(lambda: way.is_torn)
    came = 0
    while came < 64 * BUFFER_BYTES:
        came += len(client.recv(1 << 20))
    writer.get(timeout=5)


def test_a_client_that_does_not_read_is_waited_for_and_costs_little(ends: tuple[Any, Any]) -> None:
    server, client = ends
    way, size = outlet(server), BUFFER_BYTES
    written = 0

    def write() -> None:
        nonlocal written
        for _ in range(100):
            way.write(b"x" * size)
            written += size

    writer = gevent.spawn(write)
    wait_until(lambda: way.is_torn)
    assert written <= 16 * BUFFER_BYTES
    assert not writer.ready()
    came = 0
    while came < 100 * size:
        came += len(client.recv(1 << 20))
    writer.get(timeout=5)
    assert not way.is_torn


def test_a_client_that_hangs_up_is_gone(ends: tuple[Any, Any]) -> None:
    server, client = ends
    client.close()
    way = outlet(server)
    with pytest.raises(ClientGone):
        way.write(b"x" * 64 * BUFFER_BYTES)
    assert way.is_torn


def test_a_client_that_had_left_before_is_told_by_the_first_write(ends: tuple[Any, Any]) -> None:
    server, _ = ends
    server.close()  # macOS refuses options of a connection that was reset as it does those of a closed one
    way = outlet(server)
    with pytest.raises(ClientGone):
        way.write(b"x")


def test_a_piece_that_was_cut_off_is_known(ends: tuple[Any, Any]) -> None:
    server, _ = ends
    way = outlet(server)
    writer = gevent.spawn(way.write, b"x" * 64 * BUFFER_BYTES)
    wait_until(lambda: way.is_torn)
    writer.kill()
    assert way.is_torn
