"""Fetching what a client names, from the public web and from nowhere else.

A host is resolved once, every address that it has is looked at, and the connection goes to exactly such an address, so
that a name cannot mean something else a moment later. A redirect is a new URL, of which all this is true again.
No proxy, cookie, password or certificate comes from the environment, and each request has a connection of its own.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import Any, Final

from urllib3 import HTTPHeaderDict

from kimi.files.addresses import Network, is_allowed, is_fetchable
from kimi.files.handshakes import shake_hands
from kimi.files.targets import NotFetched, Target, onward, target
from kimi.files.wires import TIMEOUTS, Hourglass, Timeouts, ask
from kimi.http import HEADERS, default_context

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_MOST_ADDRESSES: Final = 4
_READ_BYTES: Final = 65536
_ANY_PORT: Final = 80
_NOT_PUBLIC: Final = "its host has no public address"
"""One reason for names that nobody knows and for those inside: else anybody could find out which there are."""

Resolver = Callable[[str, int], Sequence[str]]
"""Tells the addresses of a host, of which it knows the port. Raises `OSError`."""
Connector = Callable[[str, int, float], socket.socket]
"""Connects to an address and a port within so many seconds. Raises `OSError`."""


def resolver_by(getaddrinfo: Callable[..., Iterable[tuple[Any, ...]]]) -> Resolver:
    """One that asks `getaddrinfo`, and tells each address once."""

    def resolve(host: str, port: int) -> Sequence[str]:
        found = getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    return resolve


resolve: Final = resolver_by(socket.getaddrinfo)


def connect(address: str, port: int, timeout: float) -> socket.socket:
    """A connection. `timeout` is in seconds. Raises `OSError`."""
    return socket.create_connection((address, port), timeout)


def is_own(address: str, *, made: Callable[[int, int], socket.socket] = socket.socket) -> bool:
    """Whether it is one of this machine's, which would connect to itself from that address. Nothing is sent."""
    try:
        with made(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((address, _ANY_PORT))
            return ip_address(sock.getsockname()[0]) == ip_address(address)
    except OSError:
        return False  # nor can it be reached; the kernel may know no such addresses at all


@dataclass(frozen=True, slots=True)
class Download:
    """An answer whose body is still to come; `chunks` raises `NotFetched`."""

    url: str = field(repr=False)  # where it is, after redirects
    headers: Mapping[str, str]
    chunks: Iterator[bytes] = field(repr=False)


class Web:
    """Fetches http(s) URLs from public addresses and those in `allowed` networks."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        timeouts: Timeouts = TIMEOUTS,
        resolver: Resolver = resolve,
        connector: Connector = connect,
        own: Callable[[str], bool] = is_own,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = allowed
        self._timeouts = timeouts
        self._resolve = resolver
        self._connect = connector
        self._is_own = own
        self._context = ssl_context or default_context()
        self._clock = clock

    @contextmanager
    def get(self, url: str) -> Iterator[Download]:
        """What stands at `url`, while it comes. Raises `NotFetched`."""
        time_left, asked = Hourglass(self._timeouts, self._clock), target(url)
        with ExitStack() as connection:
            for _ in range(_MOST_REDIRECTS + 1):
                answer = connection.enter_context(self._asked(asked, time_left))
                if answer.status not in _REDIRECTS:
                    _check(answer)
                    yield Download(asked.url, HTTPHeaderDict(answer.getheaders()), _chunks(answer))
                    return
                connection.close()
                asked = onward(asked, answer.getheader("location", ""))
        raise NotFetched("it is redirected too often")

    @contextmanager
    def _asked(self, asked: Target, time_left: Hourglass) -> Iterator[HTTPResponse]:
        headers = {"Host": asked.authority, **HEADERS, "Connection": "close"}
        with ExitStack() as opened:
            with _translated():
                sock = self._connected(asked, time_left)
                opened.callback(sock.close)
                if asked.scheme == "https":
                    sock = self._context.wrap_socket(sock, server_hostname=asked.host, do_handshake_on_connect=False)
                    opened.callback(sock.close)
                    shake_hands(sock, time_left)
                answer = ask(sock, asked, headers, time_left)
                opened.callback(answer.close)
            yield answer

    def _connected(self, asked: Target, time_left: Hourglass) -> socket.socket:
        """To the first address that answers at all."""
        for address in self._addresses(asked)[:_MOST_ADDRESSES]:
            with suppress(OSError):
                return self._connect(address, asked.port, time_left.connection())
        raise NotFetched("no connection to its server can be made")

    def _addresses(self, asked: Target) -> Sequence[str]:
        if asked.is_private_name and not self._allowed:
            raise NotFetched("its host is neither a public name nor a public address")
        try:
            found = self._resolve(asked.host, asked.port)
        except TimeoutError:
            raise NotFetched("its host could not be looked up in time") from None
        except (OSError, UnicodeError):
            raise NotFetched(_NOT_PUBLIC) from None
        if not found or not all(map(self._may_be_asked, found)):
            raise NotFetched(_NOT_PUBLIC)
        return found

    def _may_be_asked(self, address: str) -> bool:
        return is_fetchable(address, self._allowed) and (
            is_allowed(address, self._allowed) or not self._is_own(address)
        )


def _chunks(answer: HTTPResponse) -> Iterator[bytes]:
    with _translated():
        while chunk := answer.read1(_READ_BYTES):
            yield chunk
        if answer.length:  # of it is still to come
            raise EOFError


def _check(answer: HTTPResponse) -> None:
    if answer.status != 200:
        raise NotFetched(f"its server answers with status {answer.status}")
    if answer.getheader("transfer-encoding", "chunked").lower() != "chunked":  # http.client takes framing for content
        raise NotFetched("its server sends it in a coding that nobody asked for")
    # A few kilobytes of it could become gigabytes.
    if answer.getheader("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise NotFetched("its server sends it compressed, which nobody asked for")


@contextmanager
def _translated() -> Iterator[None]:
    """Every failure on the way as one of ours. Texts of others could quote the URL."""
    try:
        yield
    except TimeoutError:
        raise NotFetched("its server does not answer in time") from None
    except ssl.SSLError:
        raise NotFetched("its server has no valid certificate") from None
    except (HTTPException, OSError, EOFError, ValueError):
        raise NotFetched("the connection to its server broke") from None
