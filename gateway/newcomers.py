"""How many refresh tokens that nobody knows are taken, and from whom: each costs Kimi an exchange."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from gateway.errors import TooManyNewTokens
from kimi.accounts import ConfiguredAccount
from kimi.pool.private import Known

NEW_A_MINUTE: Final = 60
"""So many a worker takes: anybody can make one up."""
SHARE: Final = 30
"""So many of them may come from one sender, so that nobody keeps all others out."""
AT_ONCE: Final = 5
"""So many of one request; the others have their turn with the next one."""
MINUTE: Final = 60.0
_REMEMBERED: Final = 100


class Newcomers:
    """Tokens that this worker has taken lately, by who sent them. `monotonic` is in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._taken: deque[tuple[float, str | None]] = deque(maxlen=NEW_A_MINUTE)
        self._undecided: deque[tuple[str, ConfiguredAccount]] = deque(maxlen=_REMEMBERED)

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

    def taken(self, member: ConfiguredAccount, sender: str | None) -> None:
        """Takes note of one whose worth Kimi is asked for."""
        if sender is not None:
            self._undecided.append((sender, member))

    def tell_dead(
        self,
        sender: str | None,
        notice: Callable[[Iterable[ConfiguredAccount]], dict[str, Known]],
        wrong: Callable[[Iterable[str]], None],
    ) -> None:
        """Tells `wrong` of each token of `sender` that was taken and has turned out to be dead, once.

        Raises what both raise; what was not told of then is told of the next time.
        """
        left = [member for whose, member in self._undecided if whose == sender]
        if not left or sender is None:
            return
        self._undecided = deque((each for each in self._undecided if each[0] != sender), maxlen=_REMEMBERED)
        waiting = []
        try:
            known = notice(left)
            while left:
                member = left.pop()
                found = known.get(member.account.name)
                if found is not None and found.is_dead:
                    wrong([member.secret])
                elif found is not None and not found.usable:
                    waiting.append(member)
        finally:
            self._undecided.extend((sender, member) for member in (*left, *waiting))
