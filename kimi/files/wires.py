"""One request by one connection, of whose answer a server can neither send too much head nor take too long for it.

http.client bounds a line and the number of headers, but neither interim answers nor trailers, which a server may send
without end; and a limit of time between two pieces lets a byte a second go on for ever.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final, Protocol

from kimi.files.targets import NotFetched, Target

HEAD_BYTES: Final = 65536
"""What a head may have, interim ones included, and what may stand behind a content."""
_TURN_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits in seconds: for a connection, between two pieces, and for all of it, redirects included."""

    connect: float = 10.0
    silence: float = 15.0
    whole: float = 60.0


PATIENCE: Final = Patience()


class Hourglass:
    """What is left of `Patience.whole`."""

    def __init__(self, patience: Patience, clock: Callable[[], float]) -> None:
        self.patience = patience
        self.clock = clock
        self._until = clock() + patience.whole

    def left(self, most: float) -> float:
        """Seconds that a step may take, which by itself may take `most`. Raises `NotFetched` when there are none."""
        left = self._until - self.clock()
        if left <= 0:
            raise NotFetched(f"it took longer than {self.patience.whole:g} s")
        return min(most, left)


class Waiting(Protocol):
    """What can be told how long to wait for more, in seconds, as a socket can."""

    def settimeout(self, seconds: float, /) -> object: ...


class Wire(io.RawIOBase):
    """What comes in by a connection, while there is time.

    `rest` is called every 10 ms: a source that always has more ready would keep every other greenlet waiting.
    """

    def __init__(
        self,
        sock: Waiting,
        source: io.RawIOBase,
        time_left: Hourglass,
        rest: Callable[[], object] = lambda: time.sleep(0.001),
    ) -> None:
        self._sock = sock
        self._source = source
        self._left = time_left
        self._rest = rest
        self._rested = time_left.clock()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """What is there next. Raises `NotFetched` and `OSError`."""
        if self._left.clock() - self._rested > _TURN_SECONDS:
            self._rest()
            self._rested = self._left.clock()
        self._sock.settimeout(self._left.left(self._left.patience.silence))
        return self._source.readinto(buffer)

    def close(self) -> None:
        """Gives the connection up."""
        if not self.closed:
            self._source.close()
        super().close()


class Lines(io.BufferedReader):
    """Lines and content, of which no more than `HEAD_BYTES` of lines may follow one another."""

    _size = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        """Raises `HTTPException` where there are too many."""
        line = super().readline(size)
        self._size += len(line)
        if self._size > HEAD_BYTES:
            raise HTTPException("the head is too large")
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """Content."""
        self._size = 0
        return super().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        """Content, as much as there is."""
        self._size = 0
        return super().read1(size)


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, time_left: Hourglass, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        source: Any = self.fp
        self.fp = Lines(Wire(sock, source.detach(), time_left))


def ask(sock: socket.socket, target: Target, headers: Mapping[str, str], time_left: Hourglass) -> HTTPResponse:
    """The beginning of the answer; `sock` and the answer are the caller's to close.

    Raises `NotFetched`, and what http.client and sockets do.
    """
    connection = HTTPConnection(target.host, target.port)
    connection.response_class = partial(_Answer, time_left=time_left)  # type: ignore[assignment]
    connection.sock = sock
    sock.settimeout(time_left.left(time_left.patience.silence))
    connection.request("GET", target.path, headers=headers)
    return connection.getresponse()
