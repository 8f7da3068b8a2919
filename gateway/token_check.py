"""Whether a refresh token is good, without spending it for the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Final

import gevent

from gateway.errors import TokenUndecided
from gateway.guesses import Guard
from gateway.passthrough import Strangers, refresh_tokens
from kimi.accounts import Record, State
from kimi.pool.fingerprints import fingerprint
from kimi.pool.private import Known

SECONDS: Final = 10.0
"""How long Kimi's verdict is waited for."""
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 2.0


class TokenCheck:
    """Says of tokens what has become of their accounts.

    A token that nobody knows is adopted and exchanged as if a client had brought it along: to try it in another way
    would spend it. One of the operator's is looked up: `records` gives his accounts with secrets of such fingerprints.
    Where anybody may ask, `guard` slows down who asks for token after token that is not good.
    """

    def __init__(
        self,
        strangers: Strangers,
        records: Callable[[Collection[str]], Iterable[Record]],
        guard: Guard,
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

        Raises `TokenUndecided` when that is not known in time, or in another pool alone, `BadRequest` for too many,
        `TooManyNewTokens`, `StoreUnavailable` and what the guard raises.
        """
        is_live = self._is_live(text)
        if not is_live:
            self._strangers.count_refused(self._guard, [text])
        return is_live

    def _is_live(self, text: str) -> bool:
        tokens, operators = refresh_tokens(text), set[str]()
        until, pause = self._monotonic() + self._seconds, _FIRST_PAUSE
        while tokens:
            looked = self._strangers.look([token for token in tokens if token not in operators], self._guard)
            operators.update(looked.operators)
            found = [*looked.known.values(), *self._operators(operators)]
            if any(known.usable for known in found):
                return True
            if looked.problems:
                raise looked.problems[0]
            if looked.elsewhere:
                raise TokenUndecided
            if len(found) == len(tokens) and all(known.is_dead for known in found):
                return False
            if self._monotonic() >= until:
                raise TokenUndecided
            self._pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return False

    def _operators(self, tokens: Collection[str]) -> list[Known]:
        """What has become of `tokens` of the operator's. Raises `TokenUndecided`."""
        if not tokens:
            return []
        whose = {fingerprint(token) for token in tokens}  # nobody can choose that of what he sends, nor go on from it
        found = [record for record in self._records(whose) if record.configured]
        if len(found) < len(whose):
            raise TokenUndecided  # the operator has taken it out just now
        return [Known(each.account.name, each.state, each.state is State.ACTIVE, ()) for each in found]
