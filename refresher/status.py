"""`/metrics` and `/healthz` on a port of their own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from kimi.startup import StartError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def application(registry: CollectorRegistry, is_healthy: Callable[[], bool]) -> WSGIApplication:
    """The two pages as a WSGI application."""
    metrics: WSGIApplication = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            return metrics(environ, start_response)
        status, text = "404 Not Found", b"there are /metrics and /healthz\n"
        if path == "/healthz":
            status, text = ("200 OK", b"ok\n") if is_healthy() else ("503 Service Unavailable", b"stalled\n")
        start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))])
        return [text]

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    """At all addresses, of IPv6 too where this machine knows that, unless one is named."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        if not address[0] and socket.has_dualstack_ipv6():
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.server_address[1]  # others ask the DNS for the name
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    timeout = 10  # a client that says nothing must not hold its thread for ever

    def log_message(self, *_: object) -> None:
        """Scrapes are no news."""


@contextmanager
def serving(app: WSGIApplication, port: int, *, host: str = "") -> Iterator[int]:
    """Serve `app` while inside; yields the port, which is a free one for port 0. Raises `StartError`.

    At all addresses, because whoever scrapes it is another container.
    """
    try:
        server = make_server(host, port, app, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        raise StartError(f"REFRESHER_METRICS_PORT: cannot listen on {port}: {error.strerror}") from None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="status", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
