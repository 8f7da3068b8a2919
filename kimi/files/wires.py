"""One request by one connection, whose answer has to come in time, and in pieces that are worth it.

What no answer may have stands in `kimi.http.framing`. Here anybody may be the server, so that there is less of it.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Final

from kimi.breathing import breathe
from kimi.files.targets import NotFetched, Target
from kimi.http import framing
from kimi.http.framing import Bounds, Response

BOUNDS: Final = Bounds(framing=65_536, free=4_096, average=512, at_a_time=1_024)
_TURN_SECONDS: Final = 0.002


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds: for a connection, between two pieces, and for all of it, redirects included."""

    connect: float = 10.0
    silence: float = 15.0
    whole: float = 60.0


TIMEOUTS: Final = Timeouts()


class Hourglass:
    """Seconds that the next step may take, of what is left of `Timeouts.whole`. Raises `NotFetched` when none are."""

    def __init__(self, timeouts: Timeouts, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._timeouts = timeouts
        self._until = clock() + timeouts.whole

    def connection(self) -> float:
        """For a connection."""
        return self._left(self._timeouts.connect)

    def piece(self) -> float:
        """For one piece, of a handshake or of an answer."""
        return self._left(self._timeouts.silence)

    def _left(self, most: float) -> float:
        left = self._until - self.clock()
        if left <= 0:
            raise NotFetched(f"it took longer than {self._timeouts.whole:g} s")
        return min(most, left)


class Wire(framing.Wire):
    """What comes in by a connection, while there is time.

    `rest` is called every 2 ms: a source that always has more ready would keep every other greenlet waiting.
    """

    def __init__(
        self,
        sock: framing.Waiting,
        source: io.RawIOBase,
        time_left: Hourglass,
        rest: Callable[[], object] = breathe,
    ) -> None:
        super().__init__(sock, source)
        self._left = time_left
        self._rest = rest
        self._rested = time_left.clock()

    def readinto(self, buffer: Any) -> int | None:
        """What is there next. Raises `NotFetched` and `OSError`."""
        if self._left.clock() - self._rested > _TURN_SECONDS:
            self._rest()
            self._rested = self._left.clock()
        self._sock.settimeout(self._left.piece())
        return self._source.readinto(buffer)

    def begin_framing(self) -> None:
        """Nothing to note: each read has its own time, whatever it brings."""


class _Answer(Response):
    bounds = BOUNDS

    def __init__(self, sock: socket.socket, *args: Any, time_left: Hourglass, **options: Any) -> None:
        self._time_left = time_left
        super().__init__(sock, *args, **options)

    def wire(self, sock: socket.socket, source: io.RawIOBase) -> Wire:
        return Wire(sock, source, self._time_left)


def ask(sock: socket.socket, target: Target, headers: Mapping[str, str], time_left: Hourglass) -> HTTPResponse:
    """The beginning of the answer; `sock` and the answer are the caller's to close.

    Raises `NotFetched`, and what http.client and sockets do.
    """
    connection = HTTPConnection(target.host, target.port)
    connection.response_class = partial(_Answer, time_left=time_left)  # type: ignore[assignment]
    connection.sock = sock
    sock.settimeout(time_left.piece())
    connection.request("GET", target.path, headers=headers)
    return connection.getresponse()
