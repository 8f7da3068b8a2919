from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from gateway.peer import SocketPeer, UnknownPeer


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A server's and a client's end of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with server, client:
        yield server, client


def test_a_waiting_client_is_there(connection: tuple[socket.socket, socket.socket]) -> None:
    assert not SocketPeer(connection[0]).gone()


def test_a_client_that_sends_more_is_there_and_nothing_is_taken(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    server, client = connection
    client.sendall(b"next")
    assert not SocketPeer(server).gone()
    assert server.recv(4) == b"next"


def test_a_client_that_hung_up_is_gone(connection: tuple[socket.socket, socket.socket]) -> None:
    server, client = connection
    client.close()
    assert SocketPeer(server).gone()


def test_a_client_that_reset_the_connection_is_gone(connection: tuple[socket.socket, socket.socket]) -> None:
    server, client = connection
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert SocketPeer(server).gone()


def test_without_a_socket_nobody_is_ever_gone() -> None:
    assert not UnknownPeer().gone()
