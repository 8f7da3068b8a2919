"""What a pool is called, and how its keys in Redis begin."""

from __future__ import annotations

import re
from typing import Final

POOL: Final = "pool"
"""What the pool is called where the operator has given it no name."""


def prefix_of(pool: str) -> str:
    """How all keys of that pool begin. The braces keep them in one slot of a cluster."""
    return f"kimi:{{{pool}}}:"


def pool_name(value: str) -> str:
    """`value`, if a pool may be called so. Raises `ValueError`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError(
            "must be letters, digits, '.', '_' and '-', 64 at the most, and begin with one of the first two"
        )
    return value
