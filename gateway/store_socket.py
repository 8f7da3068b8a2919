"""A socket to Redis on which greenlets wait as they do for upstreams: on gevent's own a command costs twice as much."""

from __future__ import annotations

import socket
import time
from typing import Final

from gevent.monkey import get_original

from gateway.http1.wire import Wire

_PLAIN: Final = get_original("socket", "socket")


class StoreSocket:
    """What redis-py needs of a socket, made of one that is connected.

    Sending a command may take so many `seconds`, and so may each wait for more of its answer.

    It belongs to the thread that made it, and to one greenlet at a time: if another one closes it, nobody wakes the one
    that waits.
    """

    def __init__(self, made: socket.socket, seconds: float) -> None:
        sock: socket.socket = _PLAIN(made.family, made.type, made.proto, made.detach())
        sock.setblocking(False)
        self._wire = Wire(sock)
        self._wire.patience = seconds
        self.fileno = sock.fileno
        self.recv = sock.recv  # without waiting: redis-py looks so whether a connection is still one
        self.shutdown = sock.shutdown
        self.getsockname = sock.getsockname
        self.getpeername = sock.getpeername

    def sendall(self, data: bytes) -> None:
        """Sends all of it. Raises OSError, `TimeoutError` among them."""
        sent = self._wire.send(data)
        if sent < len(data):
            self._send_on(memoryview(data)[sent:])

    def recv_into(self, buffer: bytearray) -> int:
        """Waits for what comes, of which `buffer` has to hold `READ_BYTES`; 0 at the end. Raises as `sendall` does."""
        came = self._wire.receive()
        buffer[: len(came)] = came
        return len(came)

    def settimeout(self, seconds: float) -> None:
        """What each of them may take from now on."""
        self._wire.patience = seconds

    def close(self) -> None:
        """Ends the connection."""
        self._wire.close()

    def _send_on(self, rest: memoryview) -> None:
        wire, seconds = self._wire, self._wire.patience
        until = time.monotonic() + seconds
        try:
            while rest:
                wire.patience = until - time.monotonic()
                wire.wait_to_send()
                rest = rest[wire.send(rest) :]
        finally:
            wire.patience = seconds
