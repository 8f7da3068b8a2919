"""Fetching what a client names, from the public web and from nowhere else.

A host is resolved once, every address that it has is looked at, and the connection goes to exactly such an address, so
that a name cannot mean something else a moment later. A redirect is a new URL, of which all this is true again.
No proxy, cookie, password or certificate comes from the environment.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import Timeout, Url, parse_url

from kimi.files.addresses import Network, is_fetchable
from kimi.http import HEADERS, default_context

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_MOST_ADDRESSES: Final = 4
_READ_BYTES: Final = 65536
_PORTS: Final = {"http": 80, "https": 443}


class NotFetched(Exception):
    """It cannot be had from there; the text says why, to whoever gave the URL, and shows nothing of the URL."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits in seconds: for a connection, between two pieces, and for all of it, redirects included."""

    connect: float = 10.0
    silence: float = 15.0
    whole: float = 60.0


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of `host`. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class Download:
    """An answer whose body is still to come; `chunks` raises `NotFetched`."""

    url: str = field(repr=False)  # where it is, after redirects
    headers: Mapping[str, str]
    chunks: Iterator[bytes] = field(repr=False)


class Web:
    """Fetches http(s) URLs from public addresses and those in `allowed` networks.

    `resolver` tells a host's addresses and raises `OSError`.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        patience: Patience = Patience(),
        resolver: Callable[[str, int], Sequence[str]] = resolve,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = allowed
        self._patience = patience
        self._resolve = resolver
        self._context = ssl_context or default_context()
        self._clock = clock

    @contextmanager
    def get(self, url: str) -> Iterator[Download]:
        """What stands at `url`, while it comes. Raises `NotFetched`."""
        deadline = self._clock() + self._patience.whole
        with ExitStack() as connection:
            for _ in range(_MOST_REDIRECTS + 1):
                target = _target(url)
                answer = connection.enter_context(self._asked(target, deadline))
                if answer.status not in _REDIRECTS:
                    _check(answer)
                    yield Download(url, answer.headers, self._chunks(answer, deadline))
                    return
                connection.close()
                url = _onward(url, target, answer.headers.get("location", ""))
        raise NotFetched("it is redirected too often")

    @contextmanager
    def _asked(self, target: Url, deadline: float) -> Iterator[urllib3.BaseHTTPResponse]:
        scheme, host = target.scheme or "", (target.host or "").strip("[]")
        port = target.port or _PORTS[scheme]
        headers = {**HEADERS, "Host": target.netloc or host, "Connection": "close"}
        with ExitStack() as opened:
            for address in self._addresses(host, port)[:_MOST_ADDRESSES]:
                pool = opened.enter_context(self._pool(scheme, address, port, host))
                answer = self._sent(pool, target, headers, deadline)
                if answer is not None:
                    opened.callback(answer.close)
                    yield answer
                    return
        raise NotFetched("no connection to its server can be made")

    def _sent(
        self, pool: urllib3.HTTPConnectionPool, target: Url, headers: Mapping[str, str], deadline: float
    ) -> urllib3.BaseHTTPResponse | None:
        """The beginning of the answer; None where nobody answers at all."""
        timeout = self._timeout(deadline)
        with _translated():
            try:
                return pool.urlopen(
                    "GET",
                    target.request_uri,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    timeout=timeout,
                )
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
                return None

    def _pool(self, scheme: str, address: str, port: int, host: str) -> urllib3.HTTPConnectionPool:
        if scheme == "http":
            return urllib3.HTTPConnectionPool(address, port, maxsize=1)
        return urllib3.HTTPSConnectionPool(
            address, port, maxsize=1, ssl_context=self._context, cert_reqs="CERT_REQUIRED", server_hostname=host
        )

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found = self._resolve(host, port)
        except (OSError, UnicodeError):
            raise NotFetched("its host is not known") from None
        if not found:
            raise NotFetched("its host is not known")
        if not all(is_fetchable(address, self._allowed) for address in found):
            raise NotFetched("its address is not public")
        return found

    def _timeout(self, deadline: float) -> Timeout:
        left = deadline - self._clock()
        if left <= 0:
            raise NotFetched(self._late())
        return Timeout(connect=min(self._patience.connect, left), read=min(self._patience.silence, left))

    def _chunks(self, answer: urllib3.BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
        with _translated():
            while chunk := answer.read1(_READ_BYTES, decode_content=False):
                if self._clock() > deadline:
                    raise NotFetched(self._late())
                yield chunk

    def _late(self) -> str:
        return f"it took longer than {self._patience.whole:g} s"


def _target(url: str) -> Url:
    try:
        target = parse_url(url)
    except LocationParseError:
        raise NotFetched("its URL is not valid") from None
    if target.scheme not in _PORTS:
        raise NotFetched("its URL is neither http nor https")
    if not target.host:
        raise NotFetched("its URL names no host")
    if target.auth is not None:
        raise NotFetched("its URL holds a user name or a password")
    return target


def _onward(url: str, target: Url, location: str) -> str:
    try:
        onward = urljoin(url, location.encode("latin-1").decode("utf-8", "replace")) if location else ""
    except ValueError:
        onward = ""
    if not onward:
        raise NotFetched("it is redirected to nowhere")
    if target.scheme == "https" and not onward.lower().startswith("https:"):
        raise NotFetched("it is redirected from https to what is not")
    return onward


def _check(answer: urllib3.BaseHTTPResponse) -> None:
    if answer.status != 200:
        raise NotFetched(f"its server answers with status {answer.status}")
    # A few kilobytes of it could become gigabytes.
    if answer.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise NotFetched("its server sends it compressed, which nobody asked for")


@contextmanager
def _translated() -> Iterator[None]:
    """Every failure on the way as one of ours. Texts of others could quote the URL."""
    try:
        yield
    except (urllib3.exceptions.TimeoutError, TimeoutError):
        raise NotFetched("its server does not answer in time") from None
    except (urllib3.exceptions.SSLError, ssl.SSLError):
        raise NotFetched("its server has no valid certificate") from None
    except (HTTPError, OSError, ValueError):
        raise NotFetched("the connection to its server broke") from None
