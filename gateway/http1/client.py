"""What callers hold: one client a process, for all hosts and proxies."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from gateway.http1.connections import Connections
from gateway.http1.exchange import Exchange, Request
from gateway.http1.heads import head
from gateway.http1.idle import Idle
from gateway.http1.routes import route, split
from kimi.http import CONNECT_SECONDS, Content, default_context
from kimi.http.failures import named, translated


class Client:
    """HTTP/1.1 for the greenlets of one thread; see `kimi.http.Http`.

    `ssl_context` is shared by all connections, because building one for each costs 60 ms of CPU;
    without it the system's and the bundled certificates are trusted.
    A request with the header `Connection: close` gets a connection of its own, used for nothing before or after.
    """

    def __init__(self, *, connect_timeout: float = CONNECT_SECONDS, ssl_context: ssl.SSLContext | None = None) -> None:
        self._idle = Idle()
        self._connections = Connections(self._idle, ssl_context or default_context(), connect_timeout)

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: Content | None = None,
        proxy: str | None = None,
        timeout: float,
    ) -> Exchange:
        """See `Http.stream`."""
        try:
            origin, target = split(url)
            way = route(origin, proxy)
            size = None if content is None else len(content)
            start, is_alone = head(method, way.prefix + target, way.headers, headers, size)
        except ValueError:
            with translated(named(url), leaves=False):
                raise
        return Exchange(Request(method, way, start, content, timeout, is_alone), self._connections)

    def close(self) -> None:
        """Close every idle connection."""
        self._idle.close()
