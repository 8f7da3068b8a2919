"""Where a request comes from, as far as the proxies in front of the gateway can be believed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final

FORWARDED: Final = "HTTP_X_FORWARDED_FOR"
_WRITTEN: Final = re.compile(
    r"""
    \[(?P<within>[^\]]*)\](?::\d+)?     # [2001:db8::1]:443
    | (?P<before>[^:]*):\d+             # 192.0.2.1:443
    | (?P<all>.*)
    """,
    re.VERBOSE,
)


def client_address(environ: Mapping[str, Any], proxies: int) -> str:
    """The address of the client who sends a request, which comes through so many `proxies` of the operator's.

    Each of them adds the address that it was asked from at the right end of X-Forwarded-For; what stands further left
    is whatever a client makes up. So it is the address of that number from the right. Where there is none, somebody
    has come past the proxies, or they are fewer than was said: then it is the one address that nobody can choose, that
    of the peer. Without proxies it always is.
    """
    peer = str(environ.get("REMOTE_ADDR", ""))
    if not proxies:
        return peer
    hops = str(environ.get(FORWARDED, "")).rsplit(",", proxies)  # lines of that name come joined
    return (_parsed(hops[-proxies]) if len(hops) >= proxies else None) or peer


def neighbourhood(address: str) -> str:
    """What one client cannot leave: its address, or the 64 bits of an IPv6 network that it has for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False).network_address)


def _parsed(hop: str) -> str | None:
    """The address in what a proxy has written, without its port, brackets and zone; None where there is none."""
    written = _WRITTEN.fullmatch(hop.strip())
    if written is None:
        return None
    try:
        return str(ipaddress.ip_address(str(written[written.lastgroup or "all"]).partition("%")[0]))
    except ValueError:
        return None
