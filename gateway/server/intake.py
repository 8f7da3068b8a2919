"""What comes on a connection."""

from __future__ import annotations

import errno
from contextlib import suppress
from socket import SHUT_WR
from typing import Any, Final

from gevent import get_hub, getcurrent
from gevent.socket import wait_write
from gunicorn.http.unreader import SocketUnreader

from gateway.breathing import breathe
from gateway.polling import is_ready
from gateway.server.patience import Waits
from gateway.server.sending import send_all

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LINGER_BYTES: Final = 67_108_864
"""What is read, and thrown away, of a client that is to read an answer before it has sent all that it has to say."""


class Intake(SocketUnreader):  # type: ignore[misc]
    """Reads a connection in the greenlet that makes this, and tells `waits` what it waits for.

    `came` are the bytes of the present request's body that had to be waited for. `is_held_back` says that the client
    waits for a word before it sends that, `is_known` that whoever sends it has shown a key, and `is_served` that he
    is answered for more than having one.
    """

    def __init__(self, sock: Any, waits: Waits) -> None:
        super().__init__(sock)
        self.greenlet: Any = getcurrent()
        self.came = 0
        self.is_held_back = False
        self.is_known = self.is_served = False
        self._loop = get_hub().loop
        self._turn = -1  # of the event loop, in which the request before was answered
        self._waits = waits
        self._queue: dict[Intake, float] | None = None
        self._body_since: float | None = None
        self._untaken = 0.0  # seconds for which the client took nothing of the present answer
        self._wait_in(waits.fresh)

    @property
    def has_come(self) -> bool:
        """Whether more has come than was read: by the socket, or behind the request before."""
        return bool(self.buf.getvalue()) or is_ready(self.sock)

    def await_next(self) -> None:
        """The next request may begin. Others have their turn first where the one before was there at once."""
        self._wait_in(self._waits.idle)
        self._body_since, self._untaken = None, 0.0
        self.is_held_back = self.is_known = self.is_served = False
        before, self._turn = self._turn, self._loop.iteration
        if before == self._turn:  # what comes in this pause would be there at once as well, and is not counted
            breathe()

    def await_more(self) -> None:
        """A request has begun, but there is more to its head."""
        queue, waits = self._queue, self._waits
        if queue is waits.fresh or queue is waits.idle:
            since = queue.pop(self)
            self._queue = waits.heads
            waits.heads[self] = since if queue is waits.fresh else waits.now()

    def await_nothing(self) -> None:
        """The head is there, the answer has gone out, or the connection ends."""
        queue, self._queue = self._queue, None
        if queue is not None:
            del queue[self]

    def await_key(self) -> None:
        """The application has the request, and answers it."""
        self._wait_in(self._waits.asking)

    def know(self) -> None:
        """Takes note that whoever sends the present request has shown a key."""
        self.is_known = True
        if self._queue is self._waits.asking:
            self.await_nothing()

    def serve(self) -> None:
        """Takes note that the present request is served, be it that its answer goes out already."""
        self.is_known = self.is_served = True
        self.await_nothing()

    def await_room(self) -> None:
        """The client has to take some of what was sent to him. Raises `TimeoutError` if he does not."""
        waits = self._waits
        began = waits.now()
        if not self.is_served:
            waits.unread[self] = began - self._untaken
        try:
            late = TimeoutError(errno.ETIMEDOUT, "the client does not read")
            wait_write(self.sock.fileno(), waits.limits.unread, late)
        finally:
            waits.unread.pop(self, None)
            self._untaken += waits.now() - began

    def part(self, last: bytes = b"") -> None:
        """Sends the `last` words, if there are any, and reads what the client still sends.

        Closing on that would reset the connection before the answer is read.
        """
        self._wait_in(self._waits.leaving)
        left = LINGER_BYTES
        with suppress(OSError):
            send_all(self.sock, last, self.await_room)
            self.sock.shutdown(SHUT_WR)
            while left > 0 and (read := len(self.sock.recv(min(left, self.max_body_chunk)))):
                left -= read

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Some of what comes, nothing at its end. Who holds a body back is told that it is wanted."""
        waits = self._waits
        if self._queue is not None and self._queue is not waits.asking:
            data: bytes = super().chunk(size_hint)
            return data
        if self._body_since is None:
            self._body_since, self.came = waits.now(), 0
        queue = waits.bodies if self.is_known else waits.strange
        queue[self] = self._body_since
        try:
            if self.is_held_back:
                self.is_held_back = False
                send_all(self.sock, CONTINUE, self.await_room)
            data = super().chunk(size_hint)
        finally:
            del queue[self]
        self.came += len(data)
        return data

    def _wait_in(self, queue: dict[Intake, float]) -> None:
        self.await_nothing()
        self._queue = queue
        queue[self] = self._waits.now()
