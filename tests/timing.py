"""How much work something is, whatever else this machine and the other threads of this process do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Of the processor's time that `work` takes in this thread, at the best of so many `times`."""
    return min(_taken(work) for _ in range(times))


def _taken(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


@contextmanager
def within(most: float) -> Iterator[None]:
    """What happens inside takes less than `most` seconds of the processor's time in this thread."""
    began = time.thread_time()
    yield
    taken = time.thread_time() - began
    assert taken < most, f"it took {taken:.3g} s"
