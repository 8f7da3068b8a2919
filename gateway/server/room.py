"""How many connections a worker takes at a time, which its system has a word in."""

from __future__ import annotations

import resource
from typing import Final

EACH: Final = 2
"""Descriptors that a connection needs: a stream has one to its client and one to Kimi."""
FILES: Final = 256
"""What all files on their way may take; see `gateway.file_room`."""
RESERVE: Final = 256 + FILES
"""What a worker needs beside them: for Redis, for itself, for files on their way."""


def room(most: int) -> int:
    """`most`, or as many as there are descriptors for.

    Where the limit of this process is too low it is raised, for its children as well, as far as the system lets it be.
    """
    needed = most * EACH + RESERVE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _raised(soft, hard, needed) if _is_below(soft, needed) else needed
    return max(1, min(most, (allowed - RESERVE) // EACH))


def _raised(soft: int, hard: int, needed: int) -> int:
    wanted = hard if _is_below(hard, needed) else needed
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # macOS has another limit above this one
        return soft
    return wanted


def _is_below(limit: int, needed: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < needed
