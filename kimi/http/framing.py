"""Answers of http.client in which everything ends that is no body.

It bounds a line and the number of headers, but neither interim answers nor trailers, which a server may send without
end; and a limit of time between two pieces lets a byte a second go on for ever.
"""

from __future__ import annotations

import io
import socket
import time
from functools import cache
from http.client import CONTINUE, OK, SWITCHING_PROTOCOLS, HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from kimi.http.contract import MAX_FRAMING_BYTES


class Response(HTTPResponse):
    """What stands before a body, between its chunks and behind it has bounds.

    It is at most `MAX_FRAMING_BYTES` in one piece, and comes in the time that the socket has for one read.
    """

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        source: Any = self.fp
        self.fp = _Lines(_Wire(sock, source.detach()))

    def _read_status(self) -> tuple[str, int, str]:
        """http.client passes over 100 alone, and takes what follows any other interim answer for the next one's."""
        version, status, reason = super()._read_status()  # type: ignore[misc]
        if status == SWITCHING_PROTOCOLS:
            raise HTTPException(f"the status {status}, which nobody asked for")
        return version, CONTINUE if status < OK else status, reason


@cache
def bounded(kind: type[HTTPConnection]) -> type[HTTPConnection]:
    """The same sort of connection, with such answers."""
    return type(kind.__name__, (kind,), {"response_class": Response, "is_bounded": True})


class _Wire(io.RawIOBase):
    """What a socket brings, up to the time `until`, where there is one."""

    until: float | None = None

    def __init__(self, sock: socket.socket, source: io.RawIOBase) -> None:
        self._sock = sock
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """What is there next. Raises `OSError`."""
        patience = self._sock.gettimeout()
        if self.until is None or patience is None:
            return self._source.readinto(buffer)
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("a head takes too long")
        self._sock.settimeout(min(left, patience))
        try:
            return self._source.readinto(buffer)
        finally:
            self._sock.settimeout(patience)

    def patience(self) -> float | None:
        """How many seconds one read may take; none where nobody says."""
        return self._sock.gettimeout()

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


class _Lines(io.BufferedReader):
    """Lines are framing, the rest is body."""

    def __init__(self, wire: _Wire) -> None:
        super().__init__(wire)
        self._wire = wire
        self._size = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        """Raises `HTTPException` where there are too many before the next of the body."""
        if self._size == 0 and (patience := self._wire.patience()) is not None:
            self._wire.until = time.monotonic() + patience
        line = super().readline(size if size and size > 0 else MAX_FRAMING_BYTES + 1)
        self._size += len(line)
        if self._size > MAX_FRAMING_BYTES:
            raise HTTPException(f"more than {MAX_FRAMING_BYTES} bytes that are no body")
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        self._begin_body()
        return super().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        self._begin_body()
        return super().read1(size)

    def readinto(self, buffer: Any, /) -> int:
        self._begin_body()
        return super().readinto(buffer)

    def _begin_body(self) -> None:
        self._size, self._wire.until = 0, None
