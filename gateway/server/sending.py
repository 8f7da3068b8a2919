"""Sending to clients, who may not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def send_all(sock: Any, data: bytes | memoryview, await_room: Callable[[], object]) -> None:
    """Sends `data` through a socket of gevent's. `await_room` waits until the client has made room for more of it.

    How much room that is the kernel decides, which says so when a third of what it keeps for the client is free.
    Raises `OSError`, and what `await_room` raises.
    """
    left = memoryview(data)
    while left:
        try:
            left = left[sock.send(left, 0, 0.0) :]
        except BlockingIOError:
            await_room()
