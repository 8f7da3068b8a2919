"""What holds for every connection that a socket accepts; it is said to the socket, once."""

from __future__ import annotations

import socket
from typing import Any, Final

BUFFER_BYTES: Final = 64 * 1024
"""What the kernel keeps for a client that does not read; it takes twice as much for it, and by itself up to 4 MiB.

It is also what can be under way at a time: a third of a megabyte a second where an answer takes 200 ms there and back.
Answers are text; one of 400 KB takes a quarter longer there than with all that the system would take.
"""
_IDLE_SECONDS: Final = 60
_PROBE_SECONDS: Final = 15
"""Whoever has said nothing for so long is asked whether he is there, so often, until the time for that is over."""


def port_of(listener: Any) -> int:
    """The TCP port at which it listens; 0 for a path."""
    address = listener.getsockname()
    return int(address[1]) if isinstance(address, tuple) else 0


def prepare(listener: Any, seconds: float) -> None:
    """Has the kernel end connections on which a client has read nothing for so many `seconds` although it could.

    Whoever has vanished without a word is noticed in that time as well, a minute after the last word at the earliest.

    What counts is the room that the client's system makes, and Linux does so in steps: of a sixteenth of its buffer,
    and of a packet or two at the least, which is 130 KB on one machine. Whoever reads less in the time reads nothing.

    Each option is said only where there is TCP, and to systems that know it.
    """
    if listener.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _IDLE_SECONDS),
        ("TCP_KEEPALIVE", _IDLE_SECONDS),  # the same on macOS
        ("TCP_KEEPINTVL", _PROBE_SECONDS),
        ("TCP_KEEPCNT", max(1, round((seconds - _IDLE_SECONDS) / _PROBE_SECONDS))),
        ("TCP_USER_TIMEOUT", round(seconds * 1_000)),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            listener.setsockopt(socket.IPPROTO_TCP, option, value)
