"""What a worker and gunicorn's master both know of that worker's end, whoever of them begins it."""

from __future__ import annotations

import mmap
from typing import Final

_BEGUN: Final = 0
_WHOLE: Final = 1


class Ending:
    """Whether a worker takes no more clients (`begun`), and whether the whole gateway ends with it (`whole`).

    It is made before the fork. A signal says the same, but one that comes before the worker listens to it is lost.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 2)

    @property
    def begun(self) -> bool:
        """Whether the worker has been told to end, or does so by itself."""
        return self._shared[_BEGUN] == 1

    @property
    def whole(self) -> bool:
        """Whether no other worker serves, nor another master that has the sockets too."""
        return self._shared[_WHOLE] == 1

    def begin(self, *, whole: bool = False) -> None:
        """Notes it; a signal handler may. What has been noted stays so."""
        if whole:
            self._shared[_WHOLE] = 1
        self._shared[_BEGUN] = 1
