"""Which addresses a client may have fetched: public ones, and what the operator allows besides.

`ipaddress.is_global` alone is not enough: it lets addresses pass that stand for an IPv4 address inside, and those at
which clouds serve their machines' secrets. The lists are the registries of special-purpose addresses
(RFC 6890 and its successors) and the documentation of the clouds.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL: Final[tuple[Network, ...]] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT, and a cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own service to each of its machines
        "169.254.0.0/16",  # this link, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_UNICAST: Final = IPv6Network("2000::/3")  # all that is handed out of IPv6
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x5EFE, 0x2005EFE})
"""What stands before the IPv4 address to which a router would tunnel (RFC 5214)."""


def is_fetchable(address: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether `address` is public, or in one of the `allowed` networks. What is no address is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.scope_id is not None:
        return False  # of one of this machine's links
    return is_allowed(address, allowed) or _is_public(_meant(found))


def is_allowed(address: str, allowed: Iterable[Network]) -> bool:
    """Whether `address`, which is one, is in one of the `allowed` networks."""
    found = ip_address(address)
    return any(one in network for one in (found, _meant(found)) for network in allowed)


def _is_public(address: Address) -> bool:
    special = any(address in network for network in _SPECIAL)
    if isinstance(address, IPv6Address) and (address not in _UNICAST or int(address) >> 32 & 0xFFFFFFFF in _ISATAP):
        return False
    return address.is_global and not address.is_multicast and not special


def _meant(address: Address) -> Address:
    """The IPv4 address that packets go to in the end, for the two forms of IPv6 addresses that need no tunnel."""
    if not isinstance(address, IPv6Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address
