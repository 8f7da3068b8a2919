"""A connected socket, and how a greenlet waits for it.

gevent's own sockets meet EAGAIN before every wait, and start a watcher and a timer each time.
Here one watcher says when there is something to read, and stays started between reads: it switches straight into the
greenlet that waits in this very wire, and stops when something comes while none does.
One timer looks at the clock when it fires.
"""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import gevent

from gateway.polling import is_ready

READ_BYTES: Final = 16_384
"""All that one read brings is held several times over while its client takes it: as bytes, as text, as chunks."""

_READABLE: Final = 1  # of the event loop, as in the next
_WRITABLE: Final = 2
_EITHER: Final = _READABLE | _WRITABLE
_POLLED: Final = {_READABLE: select.POLLIN, _WRITABLE: select.POLLOUT, _EITHER: select.POLLIN | select.POLLOUT}
_NOTHING_YET: Final = (BlockingIOError, ssl.SSLWantReadError)


class Socket(Protocol):
    """What a wire needs of a socket that never waits: the system's, or one with TLS, which has `pending` as well."""

    def recv(self, size: int, /) -> bytes: ...

    def send(self, data: bytes | memoryview, /) -> int: ...

    def fileno(self) -> int: ...

    def close(self) -> None: ...


class Wire:
    """Belongs to the thread that made it. One greenlet at a time may wait.

    `patience` is how many seconds a wait may last.
    """

    __slots__ = ("_armed", "_awaited", "_disturbed", "_hub", "_is_late", "_pending", "_since", "_sock", "_timer",
                 "_waiting", "_watcher", "patience")  # fmt: skip

    def __init__(self, sock: Socket) -> None:
        self.patience = 0.0
        self._sock = sock
        self._pending = getattr(sock, "pending", None)  # bytes that TLS has read already
        self._hub: Any = gevent.get_hub()
        self._watcher: Any = self._hub.loop.io(sock.fileno(), _READABLE)
        self._timer: Any = None
        self._armed = 0.0  # for how many seconds
        self._waiting: Any = None
        self._awaited = _READABLE  # what for
        self._disturbed: Callable[[Wire], object] | None = None
        self._since = 0.0
        self._is_late = False

    def receive(self) -> bytes:
        """What has come, nothing when the other end has closed. Raises OSError: `TimeoutError` when patience is over.

        Whatever is thrown into the greenlet meanwhile is raised too.
        """
        if self._pending is None or not self._pending():
            self._wait_to_read()
        while True:
            try:
                return self._sock.recv(READ_BYTES)
            except _NOTHING_YET:
                self._wait_to_read()
            except ssl.SSLWantWriteError:
                self.wait_to_send()

    def peek(self) -> bytes | None:
        """What has come, without waiting; None when nothing has. Raises OSError."""
        try:
            return self._sock.recv(READ_BYTES)
        except (*_NOTHING_YET, ssl.SSLWantWriteError):
            return None

    def send(self, data: bytes | memoryview) -> int:
        """How many bytes of `data` went out without waiting. Raises OSError."""
        try:
            return self._sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0
        except ssl.SSLWantReadError:
            self._wait_to_read()
            return 0

    def wait_to_send(self) -> None:
        """Until more can be sent, whatever comes meanwhile. Raises as `receive` does."""
        self._wait_for(_WRITABLE)

    def wait_for_either(self) -> None:
        """Until more can be sent, or something has come, which has to be read: until then it ends every such wait.

        Raises as `receive` does.
        """
        self._wait_for(_EITHER)

    def is_quiet(self) -> bool:
        """Whether the other end has said nothing, and has not closed."""
        return not self._has(_READABLE)

    def rest(self, disturbed: Callable[[Wire], object]) -> None:
        """Nobody waits for anything: `disturbed` is called once with this wire, in the hub, when something comes."""
        self._disturbed = disturbed
        if not self._watcher.active:
            self._watcher.start(self._ready)

    def rouse(self) -> None:
        """Somebody is about to wait again."""
        self._disturbed = None

    def close(self) -> None:
        """Ends the connection."""
        self._disturbed = None
        self._stop_timer()
        self._watcher.stop()
        self._watcher.close()
        self._sock.close()

    def _wait_to_read(self) -> None:
        if not self._watcher.active:
            self._watcher.start(self._ready)
        self._wait()

    def _wait_for(self, events: int) -> None:
        self._watcher.stop()
        watcher = self._hub.loop.io(self._sock.fileno(), events)
        self._awaited = events
        try:
            watcher.start(self._ready)
            self._wait()
        finally:
            self._awaited = _READABLE
            watcher.stop()
            watcher.close()

    def _wait(self) -> None:
        if self._timer is None or self._armed > self.patience:
            self._arm(self.patience)
        self._since = time.monotonic()
        self._waiting = gevent.getcurrent()
        try:
            while self._waiting is not None:
                self._hub.switch()
        finally:
            self._waiting = None
        if self._is_late:
            self._is_late = False
            raise TimeoutError("nothing came in time")

    def _ready(self) -> None:
        greenlet = self._waiting
        if greenlet is None:
            self._watcher.stop()  # or it would fire in every round of the loop
            if (disturbed := self._disturbed) is not None:
                self._disturbed = None
                disturbed(self)
            return
        self._waiting = None
        greenlet.switch()

    def _arm(self, seconds: float) -> None:
        self._stop_timer()
        self._armed = seconds
        self._timer = self._hub.loop.timer(max(seconds, 0.0), 0.0, ref=False)
        self._timer.start(self._look_at_the_clock)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _look_at_the_clock(self) -> None:
        self._stop_timer()
        greenlet = self._waiting
        if greenlet is None:
            return  # the next wait arms it again
        left = self._since + self.patience - time.monotonic()
        if left > 0:
            self._arm(left)
            return
        # When it is this process that was late, something may have come in time.
        self._waiting, self._is_late = None, not self._has(self._awaited)
        greenlet.switch()

    def _has(self, events: int) -> bool:
        """Whether one of them is there already."""
        if events & _READABLE and self._pending is not None and self._pending():
            return True
        return is_ready(self._sock.fileno(), _POLLED[events])
