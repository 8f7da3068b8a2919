"""Talking HTTP: where each account's upstream is, and the one way to reach it.

No cookie is kept, no redirect is followed, nothing is retried, and neither proxies nor certificates nor passwords are
taken from the environment: what goes out is what the caller says, once, to where the caller says.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from kimi.accounts import Account, Kind, Region
from kimi.errors import BrokenAnswer, Unreachable, UpstreamTimeout

CONNECT_SECONDS = 10.0
MAX_BODY_BYTES = 8 * 1024 * 1024
END_SECONDS = 0.3
"""How long the end of an answer is waited for that was told to be complete."""

_READ_BYTES = 65536
_POOLED_HOSTS = 64
_POOLED_CONNECTIONS = 1000  # a host; more can be open at once, they are closed after use

_GLOBAL_WEB = "https://www.kimi.ai"
_GLOBAL_AUTH = "https://auth.kimi.ai"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The base URLs of the upstreams, as the operator set them; those of `www.kimi.ai` are fixed."""

    web: str = "https://www.kimi.com"
    auth: str = "https://auth.kimi.com"
    classic: str = "https://kimi.moonshot.cn"
    moonshot: str = "https://api.moonshot.cn/v1"

    def chat(self, account: Account) -> str:
        """Where `account` chats, without a trailing slash. Its own `base_url` goes before everything else."""
        return (account.base_url or self._host(account)).rstrip("/")

    def exchange(self, account: Account) -> str:
        """Where a web account exchanges its refresh token: `kimi` has a host for it, classic uses the chat's."""
        if account.kind is not Kind.KIMI:
            return self.chat(account)
        return _GLOBAL_AUTH if account.region is Region.GLOBAL else self.auth.rstrip("/")

    def _host(self, account: Account) -> str:
        if account.kind is Kind.CLASSIC:
            return self.classic
        if account.kind is Kind.MOONSHOT:
            return self.moonshot
        return _GLOBAL_WEB if account.region is Region.GLOBAL else self.web


class Reply(Protocol):
    """An answer whose body is still to come."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any case of its letters."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """The body, each piece as soon as it is there. Raises `Unreachable` or `UpstreamTimeout`."""
        ...


class Pieces(Protocol):
    """A body that is never whole in memory: `len` is its size in bytes, and each walk over it starts anew."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


Content = bytes | Pieces


class Http(Protocol):
    """Something that sends a request and hands out its answer."""

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: Content | None = None,
        proxy: str | None = None,
        timeout: float,
    ) -> AbstractContextManager[Reply]:
        """The answer while it comes; leaving the context closes the connection unless all of it was read.

        Leaving it without an error waits a moment for the end, should that be all that is missing.

        `timeout` is how many seconds may pass without a byte.
        Raises `Unreachable` or `UpstreamTimeout`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its whole body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises `BrokenAnswer`."""
        return parse(self.body)


def media_type(headers: Mapping[str, str]) -> str:
    """What a body is, in small letters and without its parameters; empty where nobody says."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def parse(text: bytes | str) -> Any:
    """JSON as it comes from an upstream. Raises `BrokenAnswer`."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BrokenAnswer("the answer is not JSON") from error


def request(
    http: Http,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: Content | None = None,
    proxy: str | None = None,
    timeout: float,
    limit: int = MAX_BODY_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """One call with a short answer; `timeout` holds for the whole body as well.

    Raises `Unreachable`, `UpstreamTimeout`, or `BrokenAnswer` for a body of more than `limit` bytes.
    """
    with http.stream(method, url, headers=headers, content=content, proxy=proxy, timeout=timeout) as reply:
        return read(reply, timeout=timeout, limit=limit, clock=clock)


def read(
    reply: Reply,
    *,
    timeout: float,
    limit: int = MAX_BODY_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """The rest of `reply` at once. Raises as `request` does."""
    deadline = clock() + timeout
    body = bytearray()
    for chunk in reply.chunks():
        body += chunk
        if len(body) > limit:
            raise BrokenAnswer(f"the answer is longer than {limit} bytes")
        if clock() > deadline:
            raise UpstreamTimeout(f"the answer took longer than {timeout:g} s")
    return Answer(reply.status, reply.headers, bytes(body))


class Transport:
    """HTTP/1.1 over pooled connections, for threads and greenlets alike.

    `ssl_context` is shared by all connections, because building one for each costs 30 ms of CPU;
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
        host = url.partition("//")[2].partition("/")[0].rpartition("@")[2]
        pooled = headers.get("Connection") != "close"
        adapter = self._adapter if pooled else _Adapter(self._context)
        with _translated(host):
            prepared = requests.Request(method, url, headers={**HEADERS, **headers}, data=content).prepare()
            response = adapter.send(
                prepared,
                stream=True,
                timeout=(self._connect_timeout, timeout),
                proxies={"all": proxy} if proxy else None,
            )
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


HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; kimi-gateway)", "Accept": "*/*", "Accept-Encoding": "identity"}
"""What every request says. A compressed stream would hold events back until the compressor's block is full."""


class _Incoming:
    def __init__(self, raw: urllib3.HTTPResponse, host: str) -> None:
        self._raw = raw
        self._host = host
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers

    def chunks(self) -> Iterator[bytes]:
        with _translated(self._host):
            while chunk := self._raw.read1(_READ_BYTES, decode_content=True):
                yield chunk


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
            if not raw.read1(_READ_BYTES, decode_content=True):
                sock.settimeout(usual)
                return


class _Adapter(HTTPAdapter):
    """requests' adapter with one SSL context for all, which it offers no other way to set."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(_POOLED_HOSTS, _POOLED_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.startswith("https"):
            kwargs["proxy_ssl_context"] = self._context
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, *_: Any) -> None:
        # requests names the bundle here, and urllib3 would load it into the shared context at every connection.
        conn.cert_reqs = "CERT_REQUIRED"


def default_context() -> ssl.SSLContext:
    """A context that trusts the system's and the bundled certificates."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


_NEVER_LEFT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,  # it was not reached, or would not connect
)


@contextmanager
def _translated(host: str) -> Iterator[None]:
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise UpstreamTimeout(f"{host}: nothing came in time", sent=_was_sent(error)) from error
    except ValueError:
        # The text could quote a proxy's password or a token.
        raise Unreachable(f"{host}: the address, its proxy or a header cannot be sent") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        cause = _causes(error)[-1]
        raise Unreachable(f"{host}: {type(cause).__name__}: {cause}", sent=_was_sent(error)) from error


def _was_sent(error: BaseException) -> bool:
    return not any(isinstance(cause, _NEVER_LEFT) for cause in _causes(error))


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what lies below it, the root last."""
    causes = [error]
    while (inner := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(inner)
    return causes
