"""Seeing at once whether something waits to be read at a socket, also in a callback of the event loop."""

from __future__ import annotations

import select
from typing import Any, Final

from gevent import monkey

_poll: Final = monkey.get_original("select", "poll")  # gevent's own would wait where a callback of the loop must not


def is_readable(sock: Any) -> bool:
    """Whether reading at `sock`, or accepting, would wait for nothing: for what is there, the end or an error."""
    poll = _poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
