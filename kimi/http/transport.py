"""HTTP with requests."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from kimi.http.certificates import default_context
from kimi.http.coding import inflater
from kimi.http.contract import CONNECT_SECONDS, END_SECONDS, HEADERS, Content, Reply
from kimi.http.failures import named, translated
from kimi.http.framing import bounded

_READ_BYTES = 65536
_POOLED_HOSTS = 64
_POOLED_CONNECTIONS = 1000  # a host; more can be open at once, they are closed after use


class Transport:
    """HTTP/1.1 over pooled connections, for threads and greenlets alike.

    `ssl_context` is shared by all connections, because building one for each costs 60 ms of CPU;
    without it the system's and the bundled certificates are trusted.
    A request with the header `Connection: close` gets a connection of its own, used for nothing before or after.
    """

    def __init__(self, *, connect_timeout: float = CONNECT_SECONDS, ssl_context: ssl.SSLContext | None = None) -> None:
        self._connect_timeout = connect_timeout
        self._context = ssl_context or default_context()
        self._adapter = _Adapter(self._context)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: Content | None = None,
        proxy: str | None = None,
        timeout: float,
    ) -> Iterator[Reply]:
        """See `Http.stream`."""
        host = named(url)
        pooled = headers.get("Connection") != "close"
        adapter = self._adapter if pooled else _Adapter(self._context, connections=1)
        proxies = {"all": proxy} if proxy else None
        with translated(host, leaves=False):
            prepared = requests.Request(method, url, headers={**HEADERS, **headers}, data=content).prepare()
            adapter.get_connection_with_tls_context(prepared, verify=True, proxies=proxies)  # reads both addresses
        with translated(host):
            timeouts = (self._connect_timeout, timeout)
            response = adapter.send(prepared, stream=True, timeout=timeouts, proxies=proxies)
        raw: urllib3.HTTPResponse = response.raw
        try:
            yield _Incoming(raw, host)
            _read_out(raw)
        finally:
            # Closing comes first: a connection that goes back half-read would give its rest to the next request.
            raw.close()
            raw.release_conn()
            if not pooled:
                adapter.close()

    def close(self) -> None:
        """Close every idle connection."""
        self._adapter.close()


class _Incoming:
    def __init__(self, raw: urllib3.HTTPResponse, host: str) -> None:
        self._raw = raw
        self._host = host
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers

    def arriving(self) -> Iterator[None]:
        """It is there."""
        return iter(())

    def chunks(self) -> Iterator[bytes]:
        with translated(self._host):
            coding = inflater(self.headers.get("content-encoding"))
            yield from self._pieces() if coding is None else coding.inflated(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        """Without urllib3's own decoding: it says nothing of what brings nothing."""
        while piece := self._raw.read1(_READ_BYTES, decode_content=False):
            yield piece


def _read_out(raw: urllib3.HTTPResponse) -> None:
    """Waits a moment for the end of an answer that has said all it has to say.

    An upstream may count the stream as running until then, and refuse the account its next one.
    """
    deadline = time.monotonic() + END_SECONDS
    connection = raw.connection
    sock = getattr(connection, "sock", None)
    if sock is None:  # the end has come already
        return
    usual = sock.gettimeout()
    with suppress(urllib3.exceptions.HTTPError, OSError):
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if not raw.read1(_READ_BYTES, decode_content=False):
                sock.settimeout(usual)
                return


class _Adapter(HTTPAdapter):
    """requests' adapter with one SSL context for all, which it offers no other way to set.

    `connections` is how many it keeps of each host; to make room for 1,000 of them takes 1.5 ms of CPU.
    """

    def __init__(self, context: ssl.SSLContext, *, connections: int = _POOLED_CONNECTIONS) -> None:
        self._context = context
        super().__init__(_POOLED_HOSTS, connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.startswith("https"):
            kwargs["proxy_ssl_context"] = self._context
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, *_: Any) -> None:
        # requests names the bundle here, and urllib3 would load it into the shared context at every connection.
        conn.cert_reqs = "CERT_REQUIRED"
        conn.ConnectionCls = bounded(conn.ConnectionCls)
