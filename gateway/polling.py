"""Seeing at once whether something waits at a socket, also in a callback of the event loop."""

from __future__ import annotations

import select
from typing import Any, Final

from gevent import monkey

_poll: Final = monkey.get_original("select", "poll")  # gevent's own would wait where a callback of the loop must not


def is_ready(sock: Any, events: int = select.POLLIN) -> bool:
    """Whether none of `events` has to be waited for at `sock`: it has come, or the end or an error has."""
    poll = _poll()  # to keep it would take as much memory as all the rest of a stream's wire
    poll.register(sock, events)
    return bool(poll.poll(0))
