"""How long a worker waits for its clients, and for which of them it waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from gevent import GreenletExit

from gateway.errors import BodyLate, HeadLate

if TYPE_CHECKING:
    from gateway.server.intake import Intake

Error = type[BaseException]

LOOKS: Final = 16
"""So many connections of a kind are asked at the most whether something has come, whenever room is made."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Limits in seconds, and of a body's `rate` in bytes a second.

    `head` holds for a request's line and headers: from its connection on, or from its first byte where there were
    others before it on the connection. `idle` is the time between two requests.
    A body has `body` in all. Once `grace` is over it must have had `rate` on the average, not counting the `grace`.
    Both begin when the gateway first waits for the body, and what counts are the bytes of the connection.
    `unread` is how long a client may take nothing of what waits for it, `leaving` how long it may go on sending when it
    has had its last answer. A `stranger`, who has shown no key with his request, has so long for its body, in all, and
    whoever is not served may for so long, in all, take nothing of what waits for him.
    """

    head: float = 5.0
    idle: float = 95.0
    body: float = 30.0
    grace: float = 5.0
    rate: float = 1_024.0
    unread: float = 120.0
    leaving: float = 5.0
    stranger: float = 15.0

    def is_too_slow(self, waited: float, came: int) -> bool:
        """Whether a body is given up of which `came` bytes have come in `waited` seconds."""
        return came < self.rate * (waited - self.grace)


class Waits:
    """The connections of a worker that wait for their clients, by what for, and since when.

    Those that have waited for longest come first but in `heads`, `bodies`, `strange` and `unread`: a wait that goes on
    keeps its beginning there, and has its place anew.

    `fresh` ones have sent nothing, `idle` ones have had requests, in `heads` one has begun, in `bodies` one goes on,
    `leaving` ones have had their last answer. `asking` are requests, and `strange` bodies, of strangers; who asks waits
    for the gateway, not the other way round, and for as long as that takes, until the end of his answer. `unread` are
    answers of which he, or somebody else who is not served, takes nothing: since when, if all such times were one.
    """

    def __init__(self, limits: TimeLimits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.now = monotonic
        self.fresh: dict[Intake, float] = {}
        self.idle: dict[Intake, float] = {}
        self.heads: dict[Intake, float] = {}
        self.bodies: dict[Intake, float] = {}
        self.asking: dict[Intake, float] = {}
        self.strange: dict[Intake, float] = {}
        self.unread: dict[Intake, float] = {}
        self.leaving: dict[Intake, float] = {}

    def late(self, now: float) -> dict[Intake, Error]:
        """Those that have waited too long by `now`, and what is to be raised in each."""
        limits = self.limits
        silent = _older(self.fresh, now - limits.head) + _older(self.idle, now - limits.idle)
        found: dict[Intake, Error] = {each: GreenletExit for each in silent if not each.has_come}
        found |= dict.fromkeys(_older(self.leaving, now - limits.leaving), GreenletExit)
        found |= {each: GreenletExit for each, since in self.unread.items() if since <= now - limits.stranger}
        found |= {each: HeadLate for each, since in self.heads.items() if since <= now - limits.head}
        for bodies, most in ((self.bodies, limits.body), (self.strange, min(limits.body, limits.stranger))):
            for each, since in bodies.items():
                waited = now - since
                if waited >= most or limits.is_too_slow(waited, each.came):
                    found[each] = BodyLate
        return found

    def least_missed(self) -> Intake | None:
        """The one whose end costs its client least, where there is one that is not served.

        It is none whose request has come while others had their turn: that would be lost without an answer. The last
        to go are, once they are older than a body's `grace`, requests of strangers, and then bodies of others.
        """
        for each in self.leaving:  # whatever comes of them is thrown away
            return each
        for found in (_silent(self.idle), _silent(self.fresh) + _silent(self.heads)):
            if found:
                return min(found, key=itemgetter(1))[0]
        slow = [*self.unread.items(), *self.strange.items()]
        if slow:
            return min(slow, key=itemgetter(1))[0]
        for last in (islice(self.asking.items(), 1), self.bodies.items()):
            oldest = min(last, key=itemgetter(1), default=None)
            if oldest is not None and oldest[1] <= self.now() - self.limits.grace:
                return oldest[0]
        return None


def _older(queue: dict[Intake, float], than: float) -> list[Intake]:
    found: list[Intake] = []
    for each, since in queue.items():
        if since > than:
            break  # whoever comes later is younger
        found.append(each)
    return found


def _silent(queue: dict[Intake, float]) -> list[tuple[Intake, float]]:
    """The first of those that come first of which nothing waits to be read, and since when; nothing without one."""
    for each, since in islice(queue.items(), LOOKS):
        if not each.has_come:
            return [(each, since)]
    return []
