"""The moment for others, in work that would not wait by itself."""

from __future__ import annotations

import time
from typing import Final

SECONDS: Final = 0.001
"""How long it is. Of no time at all, an event loop would look neither at timers nor at sockets."""


def breathe() -> None:
    """Lets others have their turn: other threads or, in a gateway, other greenlets."""
    time.sleep(SECONDS)
