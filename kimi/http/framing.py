"""Answers of http.client in which everything ends that is no body.

It bounds a line and the number of headers, but neither interim answers nor trailers, which a server may send without
end; a limit of time between two pieces lets a byte a second go on for ever; and a chunk of one byte takes as long as
a large one.
"""

from __future__ import annotations

import io
import socket
import time
from dataclasses import dataclass
from functools import cache
from http.client import CONTINUE, OK, SWITCHING_PROTOCOLS, HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final, Protocol

from kimi.http.contract import MAX_FRAMING_BYTES


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of what is no body.

    In one piece it has `framing` bytes. There may be `free` lines in all; of more of them, each must have
    `average` bytes of the body. `at_a_time` bytes are read ahead.
    """

    framing: int = MAX_FRAMING_BYTES
    free: int = 8_192
    average: int = 16
    at_a_time: int = io.DEFAULT_BUFFER_SIZE


BOUNDS: Final = Bounds()


class Response(HTTPResponse):
    """What stands before a body, between its chunks and behind it has bounds.

    It comes in the time that the socket has for one read.
    """

    bounds = BOUNDS

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        source: Any = self.fp
        self.fp = Lines(self.wire(sock, source.detach()), self.bounds)

    def wire(self, sock: socket.socket, source: io.RawIOBase) -> Wire:
        """What brings it."""
        return Wire(sock, source)

    def _read_status(self) -> tuple[str, int, str]:
        """http.client passes over 100 alone, and takes what follows any other interim answer for the next one's."""
        version, status, reason = super()._read_status()  # type: ignore[misc]
        if status == SWITCHING_PROTOCOLS:
            raise HTTPException(f"the status {status}, which nobody asked for")
        return version, CONTINUE if status < OK else status, reason


@cache
def bounded(kind: type[HTTPConnection]) -> type[HTTPConnection]:
    """The same sort of connection, with such answers; `kind` itself where it has them."""
    if issubclass(kind.response_class, Response):
        return kind
    return type(kind.__name__, (kind,), {"response_class": Response})


class Waiting(Protocol):
    """What can be told how long to wait for more, in seconds, as a socket can."""

    def settimeout(self, seconds: float, /) -> object: ...

    def gettimeout(self) -> float | None: ...


class Wire(io.RawIOBase):
    """What a socket brings: all that stands before a piece of body in the time that the socket has for one read."""

    def __init__(self, sock: Waiting, source: io.RawIOBase) -> None:
        self._sock = sock
        self._source = source
        self._until: float | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """What is there next. Raises `OSError`."""
        patience = self._sock.gettimeout()
        if self._until is None or patience is None:
            return self._source.readinto(buffer)
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("a head takes too long")
        self._sock.settimeout(min(left, patience))
        try:
            return self._source.readinto(buffer)
        finally:
            self._sock.settimeout(patience)

    def begin_framing(self) -> None:
        """What comes now is no body."""
        patience = self._sock.gettimeout()
        self._until = None if patience is None else time.monotonic() + patience

    def begin_body(self) -> None:
        """What comes now is."""
        self._until = None

    def close(self) -> None:
        """Gives the connection up."""
        if not self.closed:
            self._source.close()
        super().close()


class Lines(io.BufferedReader):
    """Lines are framing, the rest is body."""

    def __init__(self, wire: Wire, bounds: Bounds = BOUNDS) -> None:
        super().__init__(wire, bounds.at_a_time)
        self._wire = wire
        self._bounds = bounds
        self._size = 0
        self._lines = 0
        self._body = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        """Raises `HTTPException` where there is too much before the next of the body, or too little of that."""
        if self._size == 0:
            self._wire.begin_framing()
        most = self._bounds.framing
        line = super().readline(size if size and size > 0 else most + 1)
        self._size += len(line)
        self._lines += 1
        if self._size > most:
            raise HTTPException(f"more than {most} bytes that are no body")
        if self._lines > self._bounds.free + self._body // self._bounds.average:
            raise HTTPException(f"{self._lines} lines for {self._body} bytes")
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """Of the body."""
        self._begin_body()
        found = super().read(size)
        self._body += len(found)
        return found

    def read1(self, size: int = -1, /) -> bytes:
        """Of the body, as much as there is."""
        self._begin_body()
        found = super().read1(size)
        self._body += len(found)
        return found

    def readinto(self, buffer: Any, /) -> int:
        """Of the body."""
        self._begin_body()
        found = super().readinto(buffer)
        self._body += found
        return found

    def _begin_body(self) -> None:
        self._size = 0
        self._wire.begin_body()
