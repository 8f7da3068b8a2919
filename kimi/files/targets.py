"""What a URL leads to, read once and strictly: browsers, resolvers and libraries differ in what odd ones mean.

The host is a name as DNS has them, or an address as everybody writes it: none in other bases, with parts missing or
padded with zeros, none behind an `@` or a backslash. Whether an address may be asked is `kimi.files.addresses`' affair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from kimi.unseen import UNSEEN

_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = 8192  # characters; the content of `data:` URLs never comes here
_LONGEST_NAME: Final = 253
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a host that ends in one is an address for browsers
_UNSEEN: Final = re.compile(f"[{UNSEEN}]")
_BACKSLASH: Final = re.compile(r"[^?#]*\\")  # outside a query some read it as a slash
_LOGIN: Final = re.compile(r"[^:/?#]+://[^/?#]*@")
_ENCODED: Final = re.compile(r"[^:/?#]+://[^/?#]*%")  # the library decodes names; of addresses it is a link's
_LOCAL: Final = frozenset({"localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain"})
"""Last labels of names that mean something in one network only."""
_LOCAL_PAIRS: Final = frozenset({"home.arpa"})
_NOT_OF_THE_WEB: Final = frozenset(
    {
        # The ports that the Fetch standard keeps browsers from, because what listens there takes HTTP for its own.
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95),
        *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179),
        *(389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587),
        *(601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000),
        *(6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
        # What is behind firewalls besides: remote procedures, databases, queues and caches.
        *(445, 1433, 1521, 1883, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 5900, 6379, 6380),
        *(9042, 9092, 10250, 11211, 16379, 26379, 27017),
    }
)
_NEITHER: Final = "its host is neither a public name nor a public address"


class NotFetched(Exception):
    """It cannot be had from there; the text says why, to whoever gave the URL, and shows nothing of the URL."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to and what to ask for. `host` is a name in small letters, or an address without brackets."""

    url: str = field(repr=False)
    scheme: str
    host: str = field(repr=False)
    port: int
    path: str = field(repr=False)  # with the query

    @property
    def authority(self) -> str:
        """What the header `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_private_name(self) -> bool:
        """Whether the host is a name that cannot be public."""
        labels = self.host.split(".")
        if ":" in self.host or _NUMBER.fullmatch(labels[-1]):
            return False
        return len(labels) == 1 or labels[-1] in _LOCAL or ".".join(labels[-2:]) in _LOCAL_PAIRS


def target(url: str) -> Target:
    """What `url` leads to. Raises `NotFetched`."""
    if len(url) > _LONGEST:
        raise NotFetched(f"its URL is longer than {_LONGEST} characters")
    if _UNSEEN.search(url) or _BACKSLASH.match(url):
        raise NotFetched("its URL is not valid")
    try:
        found = parse_url(url)
    except LocationParseError:
        raise NotFetched("its URL is not valid") from None
    scheme = found.scheme or ""
    if scheme not in _PORTS:
        raise NotFetched("its URL is neither http nor https")
    if _LOGIN.match(url):
        raise NotFetched("its URL holds a user name or a password")
    if not found.host:
        raise NotFetched("its URL names no host")
    port = _PORTS[scheme] if found.port is None else found.port
    if port in _NOT_OF_THE_WEB:
        raise NotFetched("its port is not one of the web")
    if _ENCODED.match(url):
        raise NotFetched(_NEITHER)
    return Target(url, scheme, _host(found), port, found.request_uri)


def onward(before: Target, location: str) -> Target:
    """What a redirect to `location`, as it came in the header, leads to. Raises `NotFetched`."""
    said = location.encode("latin-1").decode("utf-8", "replace")
    try:
        url = "" if _UNSEEN.search(said) or _BACKSLASH.match(said) else urljoin(before.url, said)
    except ValueError:
        url = ""
    if not said or not url:
        raise NotFetched("it is redirected to nowhere")
    found = target(url)
    if before.scheme == "https" and found.scheme != "https":
        raise NotFetched("it is redirected from https to what is not")
    return found


def _host(url: Url) -> str:
    host = (url.host or "").lower()
    try:
        if host.startswith("["):
            return str(IPv6Address(host.strip("[]")))
        name = host.removesuffix(".")
        if _NUMBER.fullmatch(name.rpartition(".")[2]):
            return str(IPv4Address(name if name == host else ""))
    except ValueError:
        name = ""
    if not 0 < len(name) <= _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise NotFetched(_NEITHER)
    return name
