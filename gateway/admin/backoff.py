"""Wrong admin keys, counted in this worker while Redis cannot do it for all of them."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from kimi.pool.sessions import FIRST_PAUSE, FREE, LONGEST_PAUSE, REMEMBERED_SECONDS, Pause

MOST: Final = 10_000
"""Addresses that are remembered."""


class Attempts(Protocol):
    """Counts wrong keys by address."""

    def attempt(self, address: str, *, right: bool) -> Pause:
        """See `kimi.pool.sessions.Attempts.attempt`."""
        ...


class LocalAttempts:
    """Those at this worker alone, by the rule of `kimi.pool.sessions`."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wrong: OrderedDict[str, tuple[int, float, float]] = OrderedDict()  # count, until, last

    def attempt(self, address: str, *, right: bool) -> Pause:
        """See `Attempts.attempt`."""
        now = self._monotonic()
        count, until, last = self._wrong.get(address, (0, 0.0, now))
        if until > now:
            return Pause(until - now)
        if right:
            return Pause()
        count = 1 if now - last > REMEMBERED_SECONDS else count + 1
        pause = min(FIRST_PAUSE * 2 ** min(count - FREE, 32), LONGEST_PAUSE) if count >= FREE else 0.0
        self._wrong[address] = count, now + pause, now
        self._wrong.move_to_end(address)
        if len(self._wrong) > MOST:
            self._wrong.popitem(last=False)
        return Pause(pause, begins=pause > 0)


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
