"""Whether a refresh token is good, without spending it for the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from hmac import compare_digest
from typing import Final

import gevent

from gateway.errors import TokenUndecided
from gateway.guesses import OPEN, Guard
from gateway.passthrough import Strangers, refresh_tokens
from kimi.accounts import Record, State
from kimi.pool.members import fingerprint
from kimi.pool.private import Known

SECONDS: Final = 10.0
"""How long Kimi's verdict is waited for."""
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 2.0


class TokenCheck:
    """Says of tokens what has become of their accounts.

    A token that nobody knows is adopted and exchanged as if a client had brought it along: to try it in another way
    would spend it. One of the operator's is looked up. `records` are all accounts that are known.
    Where anybody may ask, `guard` slows down who asks for token after token that is not good.
    """

    def __init__(
        self,
        strangers: Strangers,
        records: Callable[[], Iterable[Record]],
        guard: Guard = OPEN,
        *,
        seconds: float = SECONDS,
        pause: Callable[[float], object] = gevent.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._strangers = strangers
        self._records = records
        self._guard = guard
        self._seconds = seconds
        self._pause = pause
        self._monotonic = monotonic

    def is_live(self, text: str) -> bool:
        """Whether one of the tokens in `text` is good.

        Raises `TokenUndecided` when that is not known in time, `TooManyNewTokens`, `StoreUnavailable` and what the
        guard raises.
        """
        if not (is_live := self._is_live(text)):
            self._guard.wrong([text])
        return is_live

    def _is_live(self, text: str) -> bool:
        tokens, hold = refresh_tokens(text), partial(self._guard.hold, [text])
        until, pause = self._monotonic() + self._seconds, _FIRST_PAUSE
        while tokens:
            found = [self._look(token, hold) for token in tokens]
            if any(known.usable for known in found):
                return True
            if all(known.is_dead for known in found):
                return False
            if self._monotonic() >= until:
                raise TokenUndecided
            self._pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return False

    def _look(self, token: str, hold: Callable[[], None]) -> Known:
        known = self._strangers.look(token, hold)
        if known is not None:
            return known
        whose = fingerprint(token)
        for record in self._records():
            if compare_digest(record.fingerprint, whose) and record.configured:
                return Known(record.account.name, record.state, record.state is State.ACTIVE, ())
        raise TokenUndecided  # the operator has taken it out just now
