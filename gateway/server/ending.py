"""Whether gunicorn's master ends all its workers, and not one that others stand in for.

Both times a worker is told by SIGTERM; what it says to those who watch the gateway differs.
"""

from __future__ import annotations

import mmap
from typing import Any


class Ending:
    """Has `server`, gunicorn's master, note that it ends its workers before it tells them; they see it after the fork.

    It is none of the gateway where another master has the sockets too.
    """

    def __init__(self, server: Any) -> None:
        self._note = mmap.mmap(-1, 1)  # shared with all that are forked
        stop = server.stop

        def noted(graceful: bool = True) -> None:
            self._note[0] = server.reexec_pid == server.master_pid == 0
            stop(graceful)

        server.stop = noted

    @property
    def has_begun(self) -> bool:
        """Whether all workers end."""
        return self._note[0] == 1
