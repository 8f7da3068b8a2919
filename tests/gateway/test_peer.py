from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from gevent import get_hub

from gateway.peer import SocketPeer, UnknownPeer
from tests.gateway.scripted import wait_until

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def connection() -> Iterator[Ends]:
    """A server's and a client's end of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with server, client:
        yield server, client


@contextmanager
def watched(server: socket.socket) -> Iterator[list[bool]]:
    """What the watching says while the block runs."""
    said: list[bool] = []
    end = SocketPeer(server).watch(lambda: said.append(True))
    try:
        yield said
    finally:
        end()


def rounds() -> None:
    """Lets the event loop look at all descriptors, more than once."""
    loop = get_hub().loop
    begun = loop.iteration
    wait_until(lambda: loop.iteration >= begun + 3)


def test_a_waiting_client_is_there(connection: Ends) -> None:
    with watched(connection[0]) as left:
        rounds()
        assert left == []


def test_a_client_that_hangs_up_is_gone_at_once(connection: Ends) -> None:
    server, client = connection
    with watched(server) as left:
        rounds()
        client.close()
        wait_until(lambda: bool(left))
        rounds()
        assert left == [True]


def test_a_client_that_hung_up_before_is_noticed(connection: Ends) -> None:
    server, client = connection
    client.close()
    with watched(server) as left:
        wait_until(lambda: bool(left))


def test_a_client_that_resets_the_connection_is_gone(connection: Ends) -> None:
    server, client = connection
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with watched(server) as left:
        client.close()
        wait_until(lambda: bool(left))


def test_a_client_that_sends_more_is_there_and_nothing_is_taken(connection: Ends) -> None:
    server, client = connection
    with watched(server) as left:
        client.sendall(b"next")
        rounds()
        assert left == []
    assert server.recv(4) == b"next"


def test_what_a_client_sends_keeps_nobody_busy(connection: Ends) -> None:
    server, client = connection
    with watched(server):
        client.sendall(b"next")
        rounds()  # which the loop would never come to, were it busy


def test_nobody_is_told_after_the_end(connection: Ends) -> None:
    server, client = connection
    with watched(server) as left:
        pass
    client.close()
    rounds()
    assert left == []


def test_watching_leaves_the_socket_open(connection: Ends) -> None:
    server, client = connection
    client.sendall(b"x")
    with watched(server):
        rounds()
    server.sendall(b"answer")
    assert client.recv(6) == b"answer"


def test_without_a_socket_nobody_is_ever_gone() -> None:
    left: list[bool] = []
    end = UnknownPeer().watch(lambda: left.append(True))
    rounds()
    end()
    assert left == []
