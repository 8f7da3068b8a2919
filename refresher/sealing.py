"""Secrets at rest: whether this process has the keys, and sealing what stands there in plain text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from kimi.errors import StoreUnavailable, Unreadable
from kimi.pool import Store
from kimi.pool.canary import Canary
from kimi.pool.old_files import OldFiles
from kimi.pool.resealing import Resealing
from kimi.pool.sealers import REFRESHER, Sealers
from kimi.pool.seals import PLAIN
from refresher.stopping import Stop

log = structlog.stdlib.get_logger("refresher")

CHECK_SECONDS: Final = 1.0
YIELD_SECONDS: Final = 3.0
"""So long the store is left to others that were at work with it: each of them looks within two seconds."""
SEAL_SECONDS: Final = 60.0
"""So often all is looked at for what is plain, which takes about 0.3 s with 10,000 accounts."""
_STEP: Final = 0.2
_TOO_EARLY: Final = (
    "gateways without TOKEN_ENCRYPTION_KEYS are at work, and could not read what is sealed: the work is left to a "
    "refresher without these until all gateways have them"
)
_YIELDING: Final = "nothing in the store shows which keys are the right ones: others that were at work with it go first"


class Sealing:
    """Keeps a process with the wrong keys from doing anything. Every method may raise `Unreadable`, `StoreUnavailable`.

    Redis may be exchanged for another, or lose everything, at any time. Who was at work with it then says at once which
    keys are the right ones, for he alone has the newest tokens. Who comes new with keys waits first, and who has had
    the wrong ones, or none, does too. Who comes with the first keys of all lets gateways have them before, as long as
    somebody else renews tokens.
    """

    def __init__(
        self,
        store: Store,
        sealers: Sealers,
        *,
        clock: Callable[[], float],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._store = store
        self._canary = Canary(store)
        self._resealing = Resealing(store)
        self._files = OldFiles(store)
        self._sealers = sealers
        self._clock = clock
        self._pause = pause
        self._goes_first = not store.vault.seals
        self._missing_since: float | None = None
        self._next_check = 0.0
        self._next_seal = 0.0
        self._is_refused = False

    def start(self, stop: Stop) -> bool:
        """Returns when this process may be at work: True, or False where it is to stop instead.

        What was stored before there were keys is sealed then. What is sealed with older ones stays: others may need
        that.
        """
        self._canary.check()
        if not (
            self._waits_until(self._may_begin, stop, _TOO_EARLY, step=CHECK_SECONDS)
            and self._waits_until(self._may_work, stop, _YIELDING, step=_STEP)
        ):
            return False
        self._sealers.beat()
        self._seal()
        return True

    def check(self) -> None:
        """Look whether the keys are the right ones still, show which they are, and now and then look for what is plain.

        Does nothing before the next look is due.
        """
        now = self._clock()
        if now < self._next_check:
            return
        if not self._may_work():
            raise StoreUnavailable(_YIELDING)
        self._sealers.beat()
        self._next_check = now + CHECK_SECONDS
        if now >= self._next_seal:
            self._seal()

    def end(self) -> None:
        """This process is at work no more."""
        self._sealers.leave()

    def _waits_until(self, may: Callable[[], bool], stop: Stop, why: str, *, step: float) -> bool:
        """Returns once this process may: True, or False where it is to stop instead."""
        if not may():
            log.info(why)
            while not may():
                if stop.is_set():
                    return False
                self._pause(step)
        return True

    def _may_begin(self) -> bool:
        """False while gateways could not read what is sealed, and a refresher goes on that has no keys either."""
        if not self._store.vault.seals or self._canary.look():
            return True
        keyless = [name for name, seal in self._resealing.processes().items() if seal == PLAIN]
        renewing = [name for name in keyless if name.startswith(REFRESHER)]
        return not 0 < len(renewing) < len(keyless)

    def _may_work(self) -> bool:
        """False while others go first."""
        try:
            is_there = self._canary.look()
        except StoreUnavailable as error:
            self._missing_since = None
            self._goes_first = self._goes_first and not isinstance(error, Unreadable)
            raise
        if not is_there:
            now = self._clock()
            since = self._missing_since = now if self._missing_since is None else self._missing_since
            if not self._goes_first and now - since < YIELD_SECONDS:
                return False
            if self._store.vault.seals:
                self._canary.keep()
                self._next_seal = now  # all that is there has come from elsewhere
        self._goes_first, self._missing_since = True, None
        return True

    def _seal(self) -> None:
        """Somebody without keys may have written, or an older dump may have been put in the place of what was there."""
        sealed = self._resealing.seal_plain()
        self._next_seal = self._clock() + SEAL_SECONDS
        if sealed.left:
            log.warning("others go on writing to the store in plain text, the next look seals it", secrets=sealed.left)
        if sealed.changed:
            log.info("what stood in the store in plain text is sealed", secrets=sealed.changed)
        rewrite = self._files.follow()
        if rewrite is None:
            return
        if rewrite.refused and not self._is_refused:
            refused = " and ".join(rewrite.refused)
            log.warning("Redis does not write its files anew, which still hold what was replaced", files=refused)
        self._is_refused = bool(rewrite.refused)
