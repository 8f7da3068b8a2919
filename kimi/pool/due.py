"""Refreshes that are due, shared out among all refreshers, and no faster than Kimi is to be asked."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from kimi.pool.locks import Lock
from kimi.pool.store import Store, to_ms
from kimi.pool.tokens import LOCK_SECONDS

BURST_SECONDS: Final = 1.0
"""What the rate lets begin in so long may begin at the same moment, where nothing was begun for as long before."""
PUT_OFF: Final = -1
"""Instead of how many more may be under way along a line: none, and who is due there comes again in 10 to 20 s."""
_NOBODY: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Taken:
    """Locks of accounts that are to be refreshed now, each with the line along which that is asked.

    There may be more after `wait` seconds, None where nothing is planned. It is the rate that holds others back if
    `is_held_back`. `due` is how many were due, those under way included.
    """

    locks: tuple[tuple[Lock, str], ...]
    wait: float | None
    is_held_back: bool
    due: int


class DueRefreshes:
    """Hands out locks of accounts that are due. All refreshers together begin at most `rate` of them a second."""

    def __init__(self, store: Store, *, rate: float) -> None:
        self._store = store
        self._rate = rate

    def take(
        self,
        most: int,
        *,
        a_line: int,
        room: Mapping[str, int] = MappingProxyType({}),
        unused: int = 0,
        put_off: Mapping[str, float] = _NOBODY,
    ) -> Taken:
        """At most so many, which nobody else is handed out until their locks are free or have expired.

        At most `a_line` of them go along one line, or as many as there is `room` on it. So many of those before were
        `unused`: Kimi was not asked. `put_off` tells the seconds after which some are due again, where they are not
        planned for later. Raises `StoreUnavailable`.
        """
        owner = secrets.token_hex(16)
        wait, is_held_back, due, *pairs = self._store.run(
            "take",
            owner,
            to_ms(LOCK_SECONDS),
            to_ms(self._store.now()),
            most,
            f"{1000 / self._rate:.3f}",
            max(1, int(self._rate * BURST_SECONDS)),
            unused,
            a_line,
            len(room),
            *(word for line, places in room.items() for word in (line, places)),
            *(word for name, seconds in put_off.items() for word in (name, to_ms(seconds))),
        )
        locks = [Lock(self._store, name, owner, LOCK_SECONDS) for name in pairs[::2]]
        return Taken(
            tuple(zip(locks, pairs[1::2], strict=True)),
            int(wait) / 1000 if wait else None,
            bool(is_held_back),
            int(due),
        )
