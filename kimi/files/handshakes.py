"""TLS in the time that there is for it."""

from __future__ import annotations

import select
import ssl

from kimi.files.wires import Hourglass


def shake_hands(sock: ssl.SSLSocket, time_left: Hourglass) -> None:
    """The handshake of a socket that has made none. Raises `NotFetched` and `OSError`.

    Left to itself a socket of gevent's has its time for each piece of it, and there may be one for each byte.
    """
    sock.settimeout(0)
    while True:
        poll = select.poll()
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            poll.register(sock, select.POLLIN)
        except ssl.SSLWantWriteError:
            poll.register(sock, select.POLLOUT)
        else:
            return
        if not poll.poll(1000 * time_left.piece()):
            raise TimeoutError
