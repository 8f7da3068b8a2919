"""What many requests of a worker want and there is only so much of."""

from __future__ import annotations

from collections import Counter
from typing import Final

from gevent.event import Event

from gateway.auth import PRIVATE
from kimi.errors import Crowded

SECONDS: Final = 5.0
"""How long somebody waits for his share; longer than most files take to come."""


class Shares:
    """Hands out `most` of something for `what`, in whatever unit, and to each owner no more than half of it at a time.

    An owner is who has a client key. All who bring tokens are one: anybody could be as many as he likes.
    Whoever has to wait does so for `seconds` at most, in the order of coming; one who waits for what he has himself
    keeps nobody else waiting.
    """

    def __init__(self, most: int, what: str, *, seconds: float = SECONDS) -> None:
        self.left = most
        self._what = what
        self._each = most // 2
        self._seconds = seconds
        self._held: Counter[str] = Counter()
        self._waiting: list[Share] = []

    def share(self, scope: str, amount: int) -> Share:
        """One of `amount` for somebody of that scope, who has it once he has waited. It is to be closed in any case."""
        owner = PRIVATE if scope.startswith(PRIVATE) else scope
        return Share(self, owner, min(amount, self._each))

    def wait(self, share: Share) -> None:
        """Raises `Crowded`."""
        self._waiting.append(share)
        self._hand_out()
        if not share.is_there.wait(self._seconds):
            raise Crowded(f"too many {self._what} at a time", retry_after=self._seconds)

    def take_back(self, share: Share, amount: int) -> None:
        """What of a share is not needed any more, be it that nobody waits for it any more."""
        if share in self._waiting:
            self._waiting.remove(share)
        elif share.is_there.is_set():
            self.left += amount
            self._held[share.owner] -= amount
            if not self._held[share.owner]:
                del self._held[share.owner]
        self._hand_out()

    def _hand_out(self) -> None:
        for share in tuple(self._waiting):
            if self._held[share.owner] + share.amount > self._each:
                continue
            if share.amount > self.left:
                return
            self._waiting.remove(share)
            self._held[share.owner] += share.amount
            self.left -= share.amount
            share.is_there.set()


class Share:
    """What one request has of it, or waits for."""

    __slots__ = ("_of", "amount", "is_there", "owner")

    def __init__(self, of: Shares, owner: str, amount: int) -> None:
        self._of = of
        self.owner = owner
        self.amount = amount
        self.is_there = Event()

    def wait(self) -> None:
        """Until it is there. Raises `Crowded` when that takes too long."""
        self._of.wait(self)

    def shrink(self, amount: int) -> None:
        """Gives back all but `amount`."""
        surplus = max(self.amount - amount, 0)
        self.amount -= surplus
        self._of.take_back(self, surplus)

    def close(self) -> None:
        """Gives all back."""
        self.shrink(0)
