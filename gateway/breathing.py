"""Letting others have their turn during work that would not wait by itself."""

from __future__ import annotations

from typing import Final

import gevent

_SECONDS: Final = 0.001
"""Of no time at all, the loop would look neither at timers nor at sockets."""


def breathe() -> None:
    """Lets all those run that can, and looks whether anything has come for others."""
    gevent.sleep(_SECONDS)
