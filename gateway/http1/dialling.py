"""A connection to a route: by name, through proxies, with TLS and the certificate verified. urllib3 makes it."""

from __future__ import annotations

import socket
import ssl
from typing import Any, Final

from gevent import Timeout
from gevent.monkey import get_original
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection
from urllib3.util.ssltransport import SSLTransport

from gateway.http1.routes import Proxy, Route
from gateway.http1.wire import Socket
from kimi.http.framing import Response

RECEIVED_BYTES: Final = 64 * 1024
"""What the kernel keeps of an answer that nobody reads on; it takes twice as much for it, and by itself up to 6 MiB."""

_OPTIONS: Final = (*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES))
_STEPS: Final = 3  # to the proxy, through it, and TLS
_SOCKS5: Final = 2  # PySocks' number for it
_PLAIN: Final = get_original("socket", "socket")


class _Tunnel(HTTPSConnection):
    """A connection whose proxy cannot say for ever that it has been made."""

    response_class = Response


class Nested:
    """TLS within TLS, through an HTTPS proxy: urllib3 cannot stop in the middle of sending, so it waits there."""

    def __init__(self, transport: SSLTransport, patience: float) -> None:
        self._transport = transport
        self._patience = patience
        self.recv: Any = transport.recv
        self.fileno = transport.fileno
        self.close = transport.close

    def send(self, data: bytes | memoryview) -> int:
        self._transport.settimeout(self._patience)
        self._transport.sendall(data)  # type: ignore[arg-type]
        self._transport.settimeout(0)
        return len(data)

    def pending(self) -> int:
        """It cannot tell, so that reading has to be tried."""
        return 1


def dial(route: Route, context: ssl.SSLContext, timeout: float) -> Socket:
    """A socket that never waits. `timeout` is in seconds, for each step. Raises what urllib3 and sockets do."""
    connection = _connection(route, context, timeout)
    # A socket of gevent's has its time for each read of a handshake, of which there may be one for each byte.
    whole = Timeout(_STEPS * timeout)
    try:
        with whole:
            connection.connect()
        sock: Any = connection.sock
        connection.sock = None
    except Timeout as over:
        if over is not whole:
            raise
        raise TimeoutError("a connection takes too long to make") from None
    finally:
        connection.close()
    if isinstance(sock, SSLTransport):
        sock.settimeout(0)
        return Nested(sock, timeout)
    if not isinstance(sock, ssl.SSLSocket):
        # gevent's socket would wait in its own way, with two watchers more.
        family, kind = sock.family, socket.SOCK_STREAM
        sock = _PLAIN(family, kind, 0, fileno=sock.detach())
    sock.settimeout(0)
    return sock  # type: ignore[no-any-return]


def _connection(route: Route, context: ssl.SSLContext, timeout: float) -> HTTPConnection:
    """Where a connection is made to: the host itself, or the proxy that stands before it."""
    proxy, is_secure = route.proxy, route.scheme == "https"
    common: dict[str, Any] = {"timeout": timeout, "socket_options": _OPTIONS}
    secure: dict[str, Any] = {"ssl_context": context, "cert_reqs": "CERT_REQUIRED"} if is_secure else {}
    if proxy is None:
        return (HTTPSConnection if is_secure else HTTPConnection)(route.host, route.port, **common, **secure)
    if proxy.is_socks:
        return _through_socks(route, proxy, common | secure)
    if not is_secure:
        if proxy.scheme == "https":
            secure = {"ssl_context": context, "cert_reqs": "CERT_REQUIRED"}
        return (HTTPSConnection if secure else HTTPConnection)(proxy.host, proxy.port, **common, **secure)
    tunnel = _Tunnel(
        proxy.host,
        proxy.port,
        proxy_config=ProxyConfig(
            context, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None
        ),
        **common,
        **secure,
    )
    tunnel.set_tunnel(route.host, route.port, headers=proxy.headers, scheme=proxy.scheme)
    return tunnel


def _through_socks(route: Route, proxy: Proxy, how: dict[str, Any]) -> HTTPConnection:
    options: Any = {
        "socks_version": _SOCKS5,
        "proxy_host": proxy.host,
        "proxy_port": proxy.port,
        "username": proxy.user,
        "password": proxy.password,
        "rdns": proxy.scheme == "socks5h",
    }
    kind = SOCKSHTTPSConnection if route.scheme == "https" else SOCKSConnection
    return kind(options, route.host, route.port, **how)
