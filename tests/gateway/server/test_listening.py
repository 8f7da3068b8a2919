"""Who reads nothing of an answer does not keep its connection."""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path

import pytest

from gateway.server.listening import BUFFER_BYTES, prepare


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels have no such limit")
def test_a_connection_ends_when_nothing_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        prepare(listener, 0.3)
        with socket.create_connection(listener.getsockname()):
            server, _ = listener.accept()
            server.settimeout(10)
            with server, pytest.raises(TimeoutError) as given_up:
                server.sendall(b"x" * 50_000_000)
    assert given_up.value.errno == errno.ETIMEDOUT, "it is not the kernel that has given up"


def test_who_has_vanished_is_looked_for_and_little_is_kept_for_him() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        prepare(listener, 120)
        with socket.create_connection(listener.getsockname()):
            server, _ = listener.accept()
            with server:
                assert server.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert server.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * BUFFER_BYTES
                if sys.platform == "linux":
                    idle, pause, count = (
                        server.getsockopt(socket.IPPROTO_TCP, option)
                        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
                    )
                    assert idle + pause * count == 120


def test_a_socket_file_is_left_alone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "gateway"))
        prepare(listener, 1)
