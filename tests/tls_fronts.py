"""TLS in front of servers that speak none: the Valkey of the tests is built without."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import suppress
from typing import Self

from tests.ports import free_port

_HANDSHAKE = b"\x16"
_READ_BYTES = 65536


class TlsFront:
    """A port at which clients of a server find TLS; the other servers, who speak none, find none.

    `encrypted` counts the connections with TLS.
    """

    def __init__(self, target: int, tls: ssl.SSLContext) -> None:
        self.port = free_port()
        self.encrypted = 0
        self._target = target
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, run: object, *args: object) -> None:
        thread = threading.Thread(target=run, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the end
            while True:
                client, _ = self._listener.accept()
                self._open.add(client)
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            if client.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
                self._open.discard(client)
                client = self._tls.wrap_socket(client, server_side=True)
                self._open.add(client)
                self.encrypted += 1
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                while _pass_on(client, server):
                    pass
        self._open.discard(client)
        client.close()


def _pass_on(client: socket.socket, server: socket.socket) -> bool:
    """Passes on what comes next from either; False at the end of one."""
    ready, _, _ = select.select([client, server], [], [])
    for source, sink in ((client, server), (server, client)):
        if source in ready:
            data = source.recv(_READ_BYTES)
            while isinstance(source, ssl.SSLSocket) and source.pending():
                data += source.recv(_READ_BYTES)
            if not data:
                return False
            sink.sendall(data)
    return True
