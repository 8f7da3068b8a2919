"""Letting others have their turn during work that would not wait by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import gevent

T = TypeVar("T")

_AT_A_TIME: Final = 1_000
"""Messages, say: understanding them takes 10 ms."""
_SECONDS: Final = 0.001
"""Of no time at all, the loop would look neither at timers nor at sockets."""


def breathe() -> None:
    """Lets all those run that can, and looks whether anything has come for others."""
    gevent.sleep(_SECONDS)


def unhurried(items: Sequence[T]) -> Iterator[T]:
    """Each of `items`. Others have their turn now and then where there are many."""
    for start in range(0, len(items), _AT_A_TIME):
        if start:
            breathe()
        yield from items[start : start + _AT_A_TIME]
