"""Seeing that a client has left while there is nothing to write to it."""

from __future__ import annotations

import select
import socket
from typing import Protocol

from gevent import monkey

_poll = monkey.get_original("select", "poll")  # asks without waiting, so nothing has to be handed to the event loop


class Peer(Protocol):
    """The other end of a request."""

    def gone(self) -> bool:
        """Whether it has closed the connection."""


class SocketPeer:
    """The client at the other end of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._poll = _poll()
        self._poll.register(sock.fileno(), select.POLLIN)

    def gone(self) -> bool:
        """Whether the client has closed its side: the next thing to read from it is the end."""
        if not self._poll.poll(0):
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True


class UnknownPeer:
    """A client that cannot be watched, as in a server that shows no socket."""

    def gone(self) -> bool:
        """Never known."""
        return False
