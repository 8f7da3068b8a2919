"""Bringing what stands in Redis to the version of this release, while others serve."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable
from typing import Final

import structlog

from kimi.pool.schema import NOTICE_SECONDS, Change, Schema, Standing, at_work
from kimi.pool.store import to_ms

log = structlog.stdlib.get_logger("schema")

HOLD_SECONDS: Final = 30.0
"""After so long without a sign of the one that converts another goes on where it was."""
_STEP: Final = 0.2


class Migration:
    """One process converts at a time; the others wait. Every method may raise `StoreUnavailable`, `Outdated`.

    `hold` are the seconds for which a process that says nothing is believed to be at it.
    """

    def __init__(
        self, schema: Schema, *, hold: float = HOLD_SECONDS, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._schema = schema
        self._store = schema.store
        self._hold_ms = to_ms(hold)
        self._pause = pause
        self._owner = secrets.token_hex(8)

    def run(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Returns when this process may be at work: True, or False where it was `stopped` before."""
        is_told = False
        while not self.advance(stopped):
            if stopped():
                return False
            if not is_told:
                log.info("another process converts what Redis holds, this one waits for it")
            is_told = True
            self._pause(_STEP)
        return True

    def advance(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Converts unless another process is at it, or it is `stopped`; whether all is as this release makes it."""
        while self._schema.look().version < self._schema.current.version:
            if stopped() or self._hold(0) is None:
                return False
            try:
                self._convert(stopped)
            finally:
                self._store.run("schema_free", self._owner)
        return True

    def _convert(self, stopped: Callable[[], bool]) -> None:
        """Makes the next version of what stands there, unless it is stopped, or another process takes over."""
        standing = self._schema.look()
        later = [change for change in self._schema.history if change.version > standing.version]
        if not standing.version:
            self._write(self._schema.current.version, self._schema.current.oldest)
        elif later and self._take(later[0], standing, stopped):
            log.info("what Redis holds is of this schema now", schema=later[0].version)

    def _take(self, change: Change, standing: Standing, stopped: Callable[[], bool]) -> bool:
        """Whether what stood there is of that version now."""
        is_free = self._give_notice(change, standing, stopped)
        return is_free and self._converted(change, stopped) and self._write(change.version, change.oldest)

    def _give_notice(self, change: Change, standing: Standing, stopped: Callable[[], bool]) -> bool:
        """Shuts those out that do not know what is coming, before it comes; whether that may go on.

        One that was killed meanwhile may have told them a moment ago.
        """
        if change.oldest > standing.oldest:
            if not self._write(standing.version, change.oldest, before=True):
                return False
            standing = self._schema.look()
        left = NOTICE_SECONDS - standing.noticed
        if left > 0 and any(release != self._schema.release for release in at_work(self._store)):
            log.info("older releases are at work and have to end, this one gives them notice", seconds=left)
            for _ in range(math.ceil(left / _STEP)):
                if stopped():
                    break
                self._pause(_STEP)
        return not stopped()

    def _converted(self, change: Change, stopped: Callable[[], bool]) -> bool:
        """Whether the step is done."""
        if change.step is None:
            return True
        mark = self._hold(change.version)
        if mark is None:
            return False
        log.info("converting what Redis holds", schema=change.version, behind=mark or None)
        for done in change.step(self._store, mark):
            mark = self._hold(change.version, done, behind=mark)
            if mark is None or stopped():
                return False
        return True

    def _hold(self, version: int, mark: str = "", *, behind: str = "") -> str | None:
        """How far somebody was on the way to a version, or this process is now; None while another one is at it."""
        left: str | None = self._store.run("schema_hold", self._owner, self._hold_ms, version, mark, behind)
        return left

    def _write(self, version: int, oldest: int, *, before: bool = False) -> bool:
        """Whether it was still ours to write, `before` anything is converted or behind it."""
        needed = next(change.release for change in self._schema.history if change.version >= oldest)
        words = (version, oldest, needed, self._schema.release, int(before))
        return bool(self._store.run("schema_write", self._owner, *words))
