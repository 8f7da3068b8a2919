"""The store of those commands that work on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kimi.pool import Store, open_store
from kimi.pool.canary import Canary
from kimi.pool.schema import Schema
from kimi.settings import CommonSettings, load
from kimi.startup import reporting


@contextmanager
def opened(program: str, *, checks: bool = False, any_schema: bool = False) -> Iterator[tuple[CommonSettings, Store]]:
    """The settings, and the store that they lead to; what keeps `program` from its work is told as by `reporting`.

    One that `checks` reads secrets or writes some: it ends before that where it lacks the keys of those that are there.
    All but those that do with `any_schema` end where what is there is of a release with which this one cannot work.
    """
    with reporting(program):
        settings = load(CommonSettings)
        with open_store(settings) as store:
            if not any_schema:
                Schema(store).check()
            if checks:
                Canary(store).check()
            yield settings, store
