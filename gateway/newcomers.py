"""How many refresh tokens that nobody knows are taken, and from whom: each costs Kimi an exchange."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.errors import TooManyNewTokens

NEW_A_MINUTE: Final = 60
"""So many a worker takes: anybody can make one up."""
SHARE: Final = 30
"""So many of them may come from one sender, so that nobody keeps all others out."""
AT_ONCE: Final = 5
"""So many of one request; the others have their turn with the next one."""
MINUTE: Final = 60.0


class Newcomers:
    """Counts the tokens that this worker has taken lately, by who sent them. `monotonic` is in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._taken: deque[tuple[float, str | None]] = deque(maxlen=NEW_A_MINUTE)

    def take(self, sender: str | None) -> None:
        """Counts one more. Raises `TooManyNewTokens`; there is no share where `sender` is None."""
        now = self._monotonic()
        taken = [(at, whose) for at, whose in self._taken if at + MINUTE > now]
        own = [at for at, whose in taken if whose == sender and sender is not None]
        if len(own) >= SHARE:
            raise TooManyNewTokens(retry_after=own[0] + MINUTE - now)
        if len(taken) >= NEW_A_MINUTE:
            raise TooManyNewTokens(retry_after=taken[0][0] + MINUTE - now)
        self._taken.append((now, sender))

    def give_back(self, sender: str | None) -> None:
        """One that was counted has cost nobody anything."""
        own = [each for each in self._taken if each[1] == sender]
        if own:
            self._taken.remove(own[-1])
