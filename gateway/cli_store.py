"""The store of those commands that work on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kimi.pool import Store, open_store
from kimi.pool.canary import Canary
from kimi.settings import CommonSettings, load
from kimi.startup import reporting


@contextmanager
def opened(program: str, *, checks: bool = False) -> Iterator[tuple[CommonSettings, Store]]:
    """The settings, and the store that they lead to; what keeps `program` from its work is told as by `reporting`.

    One that `checks` reads secrets or writes some: it ends before that where it lacks the keys of those that are there.
    """
    with reporting(program):
        settings = load(CommonSettings)
        with open_store(settings) as store:
            if checks:
                Canary(store).check()
            yield settings, store
