"""Which processor does what: what is measured has one for itself, everything else has the other."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager


@contextmanager
def on(cores: Collection[int]) -> Iterator[None]:
    """Processes that are started in the block run on these processors only, and so do their children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def all_cores() -> tuple[int, ...]:
    """The processors that this process may use."""
    return tuple(sorted(os.sched_getaffinity(0)))
