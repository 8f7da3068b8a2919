"""What holds for every connection that a socket accepts; it is said to the socket, once."""

from __future__ import annotations

import socket
from typing import Any, Final

UNREAD_SECONDS: Final = 120.0
"""So long a client may read nothing of what waits for it, or its host may be gone. nginx gives it half of that.

Without a limit whoever keeps a connection open and reads nothing keeps it until his host goes away.
"""


def prepare(listener: Any, seconds: float = UNREAD_SECONDS) -> None:
    """Has the kernel end connections on which a client has read nothing for so many `seconds` although it could.

    What counts is the room that the client's system makes, and Linux does so in steps: of a sixteenth of its buffer,
    and of a packet or two at the least, which is 130 KB on one machine. Whoever reads less in the time reads nothing.

    Only Linux can do so, and only for TCP.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None and listener.family in {socket.AF_INET, socket.AF_INET6}:
        listener.setsockopt(socket.IPPROTO_TCP, option, round(seconds * 1_000))
