"""Whether this refresher can work with what Redis holds, and making it so."""

from __future__ import annotations

from collections.abc import Callable

from kimi.errors import Outdated
from kimi.pool.migrating import Migration
from kimi.pool.schema import LOOK_SECONDS, Schema
from refresher.stopping import Stop


class Versions:
    """Keeps a release from writing what newer ones cannot read. Every method may raise `StoreUnavailable`.

    Redis may lose everything, or be given an older state back, at any time: that is converted like what stood there at
    the start. Once a newer release has changed it so that this one cannot work with it, it exchanges nothing any more;
    what is under way is stored, for it is nowhere else.
    """

    def __init__(self, schema: Schema, *, clock: Callable[[], float]) -> None:
        self._schema = schema
        self._migration = Migration(schema)
        self._clock = clock
        self._stopped: Callable[[], bool] = lambda: False
        self._next = 0.0
        self._outdated: Outdated | None = None

    def start(self, stop: Stop) -> bool:
        """Returns when this process may be at work: True, or False where it is to stop instead. Raises `Outdated`."""
        self._stopped = stop.is_set
        self._next = self._clock() + LOOK_SECONDS
        return self._migration.run(stop.is_set)

    def check(self) -> None:
        """Look whether that is still so. Does nothing before the next look is due. Raises `Outdated` as long as not."""
        if self._clock() >= self._next:
            self._next = self._clock() + LOOK_SECONDS
            try:
                self._migration.run(self._stopped)
            except Outdated as error:
                self._outdated = error
            else:
                self._outdated = None
        if self._outdated is not None:
            raise self._outdated

    def end(self) -> None:
        """This process ends."""
        self._schema.leave()
