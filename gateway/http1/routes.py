"""Where a URL leads, and through which proxy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from urllib3.util import Url, make_headers, parse_url

_PORTS: Final = {"http": 80, "https": 443}
_PROXIES: Final = frozenset({"http", "https", "socks5", "socks5h"})
_URL: Final = re.compile("([^:]*://[^/?#]*)([^#]*)")
_IN_TARGETS: Final = "!#$%&'()*+,/:;=?@[]~"  # what a URL may hold as it is


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands between us and a host; `scheme` is `http`, `https`, `socks5` or `socks5h`."""

    scheme: str
    host: str
    port: int | None
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def headers(self) -> dict[str, str]:
        """What an HTTP proxy is told about us."""
        if self.user is None:
            return {}
        told = make_headers(proxy_basic_auth=f"{self.user}:{self.password or ''}")
        return {"Proxy-Authorization": told["proxy-authorization"]}


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """The way to one host; `prefix` stands before every target on it, `headers` in every request.

    `name` is what errors call it.

    There is one of each, so that connections can be kept by it.
    """

    scheme: str
    host: str
    port: int
    proxy: Proxy | None
    prefix: str
    headers: dict[str, str] = field(repr=False)
    name: str


def split(url: str) -> tuple[str, str]:
    """The origin of `url` (scheme, host and port) and the target of a request to it. Raises ValueError."""
    found = _URL.match(url)
    if found is None:
        raise ValueError("a URL needs a scheme")
    origin, target = found.groups()
    if not target.startswith("/"):
        target = f"/{target}"
    if not target.isascii() or " " in target:
        target = quote(target, safe=_IN_TARGETS)
    return origin, target


@lru_cache(maxsize=1024)
def route(origin: str, proxy: str | None) -> Route:
    """How `origin` is reached through the URL `proxy`. Raises ValueError."""
    url = parse_url(origin)
    if url.scheme not in _PORTS or not url.host or url.auth:
        raise ValueError("no address of an HTTP server")
    via = _proxy(proxy) if proxy else None
    default = _PORTS[url.scheme]
    host = url.host if url.port in {None, default} else f"{url.host}:{url.port}"
    headers, prefix = {"Host": host}, ""
    if url.scheme == "http" and via and not via.is_socks:  # it is told where to go with each request
        headers, prefix = headers | via.headers, f"http://{host}"
    return Route(url.scheme, url.host.strip("[]"), url.port or default, via, prefix, headers, host)


def _proxy(address: str) -> Proxy:
    url: Url = parse_url(address)
    scheme = url.scheme or "http"
    if scheme not in _PROXIES or not url.host:
        raise ValueError("no address of a proxy")
    user, mark, password = (url.auth or "").partition(":")
    return Proxy(
        scheme,
        url.host.strip("[]"),
        url.port or _PORTS.get(scheme),
        unquote(user) if url.auth else None,
        unquote(password) if mark else None,
    )
