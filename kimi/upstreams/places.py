"""Where an upstream may have a file put: it names a URL for it, and we go there from within the operator's network."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from kimi.files.addresses import is_fetchable
from kimi.files.targets import NotFetched, Target, target
from kimi.files.web import Resolver, resolve


def may_be_put(url: str, base: str, *, is_proxied: bool, resolver: Resolver = resolve) -> bool:
    """Whether a file may be put to `url`, as the upstream at `base` wants.

    That is to the upstream itself, or to a public address of the web over HTTPS, so that nobody on the way can read it;
    to any address where the upstream is known to have no public one itself. A name behind a proxy is for the proxy to
    resolve: there it is judged by itself alone. That it means another address a moment later helps nobody, who would
    need a certificate for it there.
    """
    if _origin(url) == _origin(base) != ("", ""):
        return True
    wanted = _target(url)
    if wanted is None or wanted.scheme != "https":
        return False
    here = _target(base)
    if _is_public(wanted, is_proxied, resolver, where_unknown=False) or here is None:
        return True
    return not _is_public(here, is_proxied, resolver, where_unknown=True)


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return (parts.scheme, parts.netloc) if parts.hostname else ("", "")


def _target(url: str) -> Target | None:
    try:
        return target(url)
    except NotFetched:
        return None


def _is_public(place: Target, is_proxied: bool, resolver: Resolver, *, where_unknown: bool) -> bool:
    try:
        return is_fetchable(str(ip_address(place.host)))
    except ValueError:
        pass
    if place.is_private_name or is_proxied:
        return not place.is_private_name
    try:
        found = resolver(place.host, place.port)
    except (OSError, UnicodeError):
        return where_unknown
    return bool(found) and all(is_fetchable(address) for address in found)
