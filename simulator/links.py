"""The client's end of a connection, watched, so that a client that left is noticed while nothing is sent."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event
from gevent.hub import get_hub

_READ = 1


class Link:
    """One client connection. Without a socket (Flask's test client) the client never leaves."""

    def __init__(self, sock: Any | None = None) -> None:
        # gevent's socket would wait where the operating system's answers at once; a hub callback must not wait.
        self._raw = getattr(sock, "_sock", sock)
        self._gone = Event()
        self._watcher: Any = None
        self._on_gone: Callable[[], None] | None = None

    @property
    def gone(self) -> bool:
        """Whether the client has closed its end, as far as the socket knows now."""
        if not self._gone.is_set():
            self._look()
        return bool(self._gone.is_set())

    def watch(self, on_gone: Callable[[], None]) -> None:
        """Call `on_gone` once when the client closes its end. It must not block."""
        self._on_gone = on_gone
        if self._raw is not None and self._raw.fileno() >= 0:
            self._watcher = get_hub().loop.io(self._raw.fileno(), _READ)
            self._watcher.start(self._look)

    def unwatch(self) -> None:
        """Stop watching."""
        self._on_gone = None
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None

    def wait(self, seconds: float | None) -> bool:
        """Sleep for `seconds` (None: for ever), but no longer than the client stays. True when it has left."""
        if self._raw is None or seconds == 0:
            gevent.sleep(seconds or 0)
            return False
        return bool(self._gone.wait(seconds))

    @staticmethod
    def later(seconds: float, action: Callable[[], object]) -> None:
        """Do something after a while, whatever becomes of the connection."""
        gevent.spawn_later(seconds, action)

    def reset(self) -> None:
        """Make the coming close a reset (RST) and not a polite end."""
        if self._raw is not None:
            self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _look(self) -> None:
        if self._raw is None:
            return
        try:
            left = self._raw.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return
        except OSError:
            left = True
        if self._watcher is not None:
            self._watcher.stop()  # it would fire for ever
        if left and not self._gone.is_set():
            self._gone.set()
            if self._on_gone is not None:
                self._on_gone()
