"""The client's side of a stream, written to without gunicorn: its own way costs more than all else of an event.

gunicorn has written the head by then, and writes the end: what is written between is framed as its head has said.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from gevent.socket import wait_write

from gateway.errors import ClientGone
from gateway.server.environ_keys import ROOM
from gateway.server.sending import send_all


class Outlet(Protocol):
    """Where pieces of a stream can be written past the server."""

    @property
    def is_torn(self) -> bool:
        """Whether a piece was begun and not ended: nothing that is written behind it can be read."""

    def write(self, data: bytes) -> None:
        """Writes one piece; waits for a client that reads slowly, but not for ever. Raises `ClientGone`."""


class SocketOutlet:
    """The socket of a request that gunicorn has handed to us."""

    __slots__ = ("_await_room", "_fd", "_is_chunked", "_sock", "is_torn")

    def __init__(self, sock: Any, *, is_chunked: bool, await_room: Callable[[], object]) -> None:
        self.is_torn = False
        self._sock = sock
        self._fd: int = sock.fileno()
        self._is_chunked = is_chunked
        self._await_room = await_room

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> SocketOutlet | None:
        """That of a request; None in a server that shows no socket. gunicorn sends no chunks to HTTP/1.0."""
        sock = environ.get("gunicorn.socket")
        if sock is None:
            return None
        await_room = environ.get(ROOM) or partial(wait_write, sock.fileno())
        return cls(sock, is_chunked=environ["SERVER_PROTOCOL"] != "HTTP/1.0", await_room=await_room)

    def write(self, data: bytes) -> None:
        """See `Outlet.write`."""
        frame = b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
        self.is_torn = True
        try:
            try:
                sent = os.write(self._fd, frame)  # gevent's `send` takes several calls to do the same
            except BlockingIOError:
                sent = 0
            if sent < len(frame):
                send_all(self._sock, memoryview(frame)[sent:], self._await_room)
        except OSError as error:
            raise ClientGone from error
        self.is_torn = False
