"""The server: gevent's, with what a nasty upstream needs to reach the socket."""

from __future__ import annotations

import socket
from typing import Any

from flask import Flask
from gevent.pywsgi import WSGIHandler, WSGIServer

from simulator.app import create_app
from simulator.refusing import refuses
from simulator.replies import CLOSE_DELIMITED, FLUSH, HANG_UP, SOCKET
from simulator.world import World


class Handler(WSGIHandler):  # type: ignore[misc]  # gevent ships no types
    """Gives views their socket, and bodies without chunks to those that ask."""

    request_version: str
    close_connection: bool

    def get_environ(self) -> dict[str, Any]:
        """The WSGI environment."""
        environ: dict[str, Any] = super().get_environ()
        environ[SOCKET] = self.socket
        environ[FLUSH] = lambda: self.write(b"")
        return environ

    def finalize_headers(self) -> None:
        """Decide how the body is delimited."""
        if not self.environ.get(CLOSE_DELIMITED):
            super().finalize_headers()
            self.close_connection = self.close_connection or HANG_UP in self.environ
            return
        version = self.request_version
        self.request_version = "HTTP/1.0"
        super().finalize_headers()
        self.request_version = version
        self.close_connection = True


class Server(WSGIServer):  # type: ignore[misc]  # gevent ships no types
    """One simulator on one port. Port 0 takes a free one; `url` tells it once started."""

    def __init__(self, world: World, host: str = "127.0.0.1", port: int = 0) -> None:
        self.world = world
        app: Flask = create_app(world)
        super().__init__((host, port), app, log=None, error_log="default", handler_class=Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.server_host}]" if ":" in self.server_host else self.server_host
        return f"http://{host}:{self.server_port}"

    def handle(self, sock: Any, address: Any) -> None:
        """Serve one connection, unless a fault refuses it."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every small write may wait 40 ms for an ACK
        if self.world.faults.waits("refused") and refuses(self.world, sock):
            return
        super().handle(sock, address)
