"""Sending to clients, who may not read, and parting from them."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import Any, Final

from gevent import Timeout
from gevent.socket import wait_write

LINGER_BYTES: Final = 67_108_864
LINGER_SECONDS: Final = 2.0
"""What is read, and thrown away, of a client that is to read an answer before it has sent all that it has to say."""
_AT_A_TIME: Final = 1_048_576


def send_all(sock: Any, data: bytes | memoryview, seconds: float) -> None:
    """Sends `data` through a socket of gevent's.

    Raises `OSError`: `TimeoutError` where the client has made no room for more of it for so many `seconds`. How much
    room that is the kernel decides, which says so when a third of what it keeps for the client is free.
    """
    left = memoryview(data)
    while left:
        try:
            left = left[sock.send(left, 0, 0.0) :]
        except BlockingIOError:
            wait_write(sock.fileno(), seconds, TimeoutError(errno.ETIMEDOUT, "the client does not read"))


def part_from(sock: Any) -> None:
    """Reads what a client still sends; closing on it would reset the connection before the answer is read."""
    left = LINGER_BYTES
    with suppress(OSError), Timeout(LINGER_SECONDS, False):
        sock.shutdown(socket.SHUT_WR)
        while left > 0 and (read := len(sock.recv(min(left, _AT_A_TIME)))):
            left -= read
