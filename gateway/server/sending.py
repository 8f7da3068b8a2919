"""Sending to clients, who may not read."""

from __future__ import annotations

import errno
from typing import Any

from gevent.socket import wait_write


def send_all(sock: Any, data: bytes | memoryview, seconds: float | None) -> None:
    """Sends `data` through a socket of gevent's.

    Raises `OSError`: `TimeoutError` where the client has made no room for more of it for so many `seconds`, if they are
    said. How much room that is the kernel decides, which says so when a third of what it keeps for the client is free.
    """
    left = memoryview(data)
    while left:
        try:
            left = left[sock.send(left, 0, 0.0) :]
        except BlockingIOError:
            wait_write(sock.fileno(), seconds, TimeoutError(errno.ETIMEDOUT, "the client does not read"))
