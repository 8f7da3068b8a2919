"""Seeing that a client has left at the moment it leaves, also while there is nothing to write to it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from gevent import get_hub, monkey

_READ: Final = 1  # of the event loop
_socket = monkey.get_original("socket", "socket")  # gevent's own would wait where a callback of the loop must not


class Peer(Protocol):
    """The other end of a request."""

    def watch(self, left: Callable[[], object]) -> Callable[[], None]:
        """Calls `left` once, in the event loop, when the client closes its side. The answer ends the watching."""
        ...


class SocketPeer:
    """The client at the other end of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._fd = sock.fileno()

    def watch(self, left: Callable[[], object]) -> Callable[[], None]:
        """See `Peer.watch`. A client that sends more, as with pipelining, is not watched from then on.

        The watching has to end before the socket goes to whoever reads the next request.
        A client that closes only its sending side has left as well: nothing tells the two apart, and nginx and Go see
        it the same way.
        """
        return _Watching(self._fd, left).end


class _Watching:
    """Looks at a socket whenever there is something to read on it."""

    __slots__ = ("_fd", "_left", "_watcher")

    def __init__(self, fd: int, left: Callable[[], object]) -> None:
        self._fd = fd
        self._left = left
        self._watcher: Any = get_hub().loop.io(fd, _READ)
        self._watcher.start(self._look)

    def end(self) -> None:
        """Looks no more."""
        self._watcher.stop()
        self._watcher.close()

    def _look(self) -> None:
        seen = self._peek()
        if seen is None:
            return
        self._watcher.stop()  # what is there stays there, and would call for ever
        if not seen:
            self._left()

    def _peek(self) -> bytes | None:
        """What can be read, nothing after the end or an error; `None` where there is nothing to see yet."""
        sock = _socket(fileno=self._fd)
        try:
            return bytes(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return None
        except OSError:
            return b""
        finally:
            sock.detach()


class UnknownPeer:
    """A client that cannot be watched, as in a server that shows no socket."""

    def watch(self, left: Callable[[], object]) -> Callable[[], None]:
        """Never calls."""
        del left
        return _never_began


def _never_began() -> None:
    pass
