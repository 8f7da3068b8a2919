"""Taking connections from a listener, as many as there is room for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent.pool import Pool
from gevent.server import StreamServer

from gateway.polling import is_ready
from gateway.shield import Shieldable

Handle = Callable[[Any, Any, Any], object]


class Acceptor(StreamServer):  # type: ignore[misc]
    """Gives `most` connections at a time to `handle`, each in a greenlet of its own.

    Where there are as many, `make_room` is asked to end one on which nothing is under way, in the event loop. Where
    there is none, further ones wait in the kernel's queue until there is, or another worker takes them from it.
    """

    def __init__(self, sock: Any, handle: Handle, most: int, make_room: Callable[[], object]) -> None:
        address = _Address(sock)

        def handle_one(client: Any, addr: Any) -> None:  # a `partial` would be one more frame in C while it runs
            handle(address, client, addr)

        super().__init__(sock, handle=handle_one, spawn=Pool(most, greenlet_class=Shieldable))
        self._make_room = make_room
        self.full = self._is_full

    @property
    def is_open(self) -> bool:
        """Whether somebody who comes now is taken at once."""
        return self._watcher is not None

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for a place."""
        return self.started and self.pool.full() and is_ready(self.socket)

    def knock(self) -> None:
        """Looks once more whether somebody waits: of those inside one may have become idle. For the hub.

        It does not begin to accept again: where there is no room, gevent would add one more link to its pool each time.
        """
        if not self.is_open:
            self._make_way()

    def take_waiting(self) -> None:
        """Accepts the connections that wait already, and no others; closing the socket would reset them."""
        self.stop_accepting()
        self.socket.setblocking(False)
        while not self.pool.full() and (waiting := self.do_read()):
            self.do_handle(*waiting)

    def _is_full(self) -> bool:
        if not self.pool.full():
            return False
        self._make_way()
        return True  # a place is free when its connection has ended, and with that the accepting begins again

    def _make_way(self) -> None:
        if self.is_wanted:  # gevent asks also behind the last that it has taken
            self._make_room()


class _Address:
    """What gunicorn asks a listener for at every connection, also at those that were accepted just before it closed."""

    def __init__(self, sock: Any) -> None:
        self._name = sock.getsockname()

    def getsockname(self) -> Any:
        """Where the listener listens, or did."""
        return self._name
