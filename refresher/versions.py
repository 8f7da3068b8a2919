"""Whether this refresher can work with what Redis holds, and making it so."""

from __future__ import annotations

from collections.abc import Callable

from kimi.errors import Outdated
from kimi.pool import Store
from kimi.pool.migrating import Migration
from kimi.pool.schema import LOOK_SECONDS, Schema
from refresher.stopping import Stop


class Versions:
    """Keeps a release from writing what newer ones cannot read. Every method may raise `StoreUnavailable`.

    Redis may lose everything, or be given an older state back, at any time: that is converted like what stood there at
    the start. Once a newer release has changed it so that this one cannot work with it, all that is done through
    `barred` fails; what is under way is stored through another, for it is nowhere else.
    """

    def __init__(self, schema: Schema, barred: Store, stop: Stop, *, clock: Callable[[], float]) -> None:
        self._schema = schema
        self._barred = barred
        self._stop = stop
        self._migration = Migration(schema)
        self._clock = clock
        self._next = 0.0
        self._outdated: Outdated | None = None

    def start(self) -> bool:
        """Returns when this process may be at work: True, or False where it is to stop instead. Raises `Outdated`."""
        ready = self._migration.run(self._stop.is_set)
        self._next = self._clock() + LOOK_SECONDS
        return ready

    def check(self) -> None:
        """Look whether that is still so. Does nothing before the next look is due. Raises `Outdated` as long as not."""
        if self._clock() >= self._next:
            try:
                self._look()
            except Outdated as error:
                self._outdated = error
            else:
                self._outdated = None
            self._barred.bar(self._outdated)
            self._next = self._clock() + LOOK_SECONDS
        if self._outdated is not None:
            raise self._outdated.with_traceback(None)

    def end(self) -> None:
        """This process ends."""
        self._schema.leave()

    def _look(self) -> None:
        """While another process converts what this one can read all the same, that keeps nothing from being done."""
        if not self._migration.advance(self._stop.is_set):
            self._schema.check()
