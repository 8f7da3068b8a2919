"""The client's side of a stream, written to without gunicorn: its own way costs more than all else of an event.

gunicorn has written the head by then, and writes the end: what is written between is framed as its head has said.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from gateway.errors import ClientGone

BUFFER_BYTES: Final = 64 * 1024
"""What the kernel keeps for a client that does not read; it takes twice as much for it, and by itself up to 4 MiB."""


class Outlet(Protocol):
    """Where pieces of a stream can be written past the server."""

    @property
    def is_torn(self) -> bool:
        """Whether a piece was begun and not ended: nothing that is written behind it can be read."""

    def write(self, data: bytes) -> None:
        """Writes one piece; waits for a client that reads slowly. Raises `ClientGone`."""


class SocketOutlet:
    """The socket of a request that gunicorn has handed to us."""

    __slots__ = ("_fd", "_is_chunked", "_sock", "is_torn")

    def __init__(self, sock: Any, *, is_chunked: bool) -> None:
        self.is_torn = False
        self._sock = sock
        self._fd: int = sock.fileno()
        self._is_chunked = is_chunked
        with suppress(OSError):  # whoever has left is noticed elsewhere
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> SocketOutlet | None:
        """That of a request; None in a server that shows no socket. gunicorn sends no chunks to HTTP/1.0."""
        sock = environ.get("gunicorn.socket")
        return None if sock is None else cls(sock, is_chunked=environ["SERVER_PROTOCOL"] != "HTTP/1.0")

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
                self._sock.sendall(memoryview(frame)[sent:])
        except OSError as error:
            raise ClientGone from error
        self.is_torn = False
