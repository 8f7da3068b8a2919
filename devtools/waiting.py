"""Wait for a condition instead of sleeping."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SHORTEST, LONGEST = 0.01, 0.05
"""Seconds between two questions."""


def until(
    condition: Callable[[], T],
    *,
    seconds: float = 30.0,
    what: str = "",
    pause: Callable[[float], object] = time.sleep,
) -> T:
    """The first true value of `condition`. Raises TimeoutError naming `what` after `seconds`.

    It is asked after 10 ms, and then less and less often, every 50 ms at last: to ask is work as well.
    `pause` waits in between; among greenlets it is theirs.
    """
    began = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - began
        if waited > seconds:
            raise TimeoutError(f"not within {seconds:g} s: {what or condition}")
        pause(min(max(SHORTEST, waited / 10), LONGEST))
    return value
