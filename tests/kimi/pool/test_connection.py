"""What goes over the wire for each way in which a Redis can be named."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import redis

from kimi.pool import connect
from tests.kimi.loopback import Peer, Server

HANDSHAKE = b"\x16"  # how TLS begins


@pytest.mark.parametrize(("scheme", "first"), [("redis", b"*"), ("rediss", HANDSHAKE)])
def test_a_secret_goes_out_as_the_url_says(scheme: str, first: bytes) -> None:
    came: list[bytes] = []

    def handle(peer: Peer) -> None:
        came.append(peer.sock.recv(1))

    with Server(handle) as server:
        client = connect(f"{scheme}://:secret@127.0.0.1:{server.port}")
        with pytest.raises(redis.ConnectionError):
            client.ping()
        client.close()
    assert came == [first]


def test_a_socket_file_is_one(tmp_path: Path) -> None:
    path = tmp_path / "redis"
    with socket.socket(socket.AF_UNIX) as listener, connect(f"unix://{path}", timeout=0.05) as client:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(redis.TimeoutError):  # nobody answers
            client.ping()
        server, _ = listener.accept()
        with server:
            assert server.recv(1) == b"*"
