"""Refreshes that are due, shared out among all refreshers, and no faster than Kimi is to be asked."""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from kimi.pool.locks import Lock
from kimi.pool.store import Store, to_ms
from kimi.pool.tokens import LOCK_SECONDS

BURST_SECONDS: Final = 1.0
"""What the rate lets begin in so long may begin at the same moment, where nothing was begun for as long before."""
_NOTHING: Final = MappingProxyType[str, float]({})


class LineState(StrEnum):
    """What is known of a line."""

    ANSWERS = "answers"
    FAILS = "fails"  # at once: somebody is there, or says that nobody is, and it leads nowhere
    UNKNOWN = "unknown"  # nothing has come along it of late, and nothing has failed to
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Room:
    """How many more refreshes may go along the lines: so many along each of `lines`, `usual` along any other.

    Those that are not named are unknown. Along all that are not known to answer go a quarter of what the rate allows,
    and what the others leave. Along unknown and silent ones together there may go `unknown` more, of them `silent`
    along silent ones; None is any number.
    """

    usual: int
    lines: Mapping[str, tuple[int, LineState]] = field(default_factory=dict)
    unknown: int | None = None
    silent: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """Locks of accounts that are to be refreshed now, each with the line along which that is asked.

    There may be more after `wait` seconds, None where nothing is planned. It is the rate that holds others back if
    `is_held_back`. `waits_for_room` says whether some wait for a refresh to end along their line, or along one like it.
    `due` is how many were due, those under way included.
    """

    locks: tuple[tuple[Lock, str], ...]
    wait: float | None
    is_held_back: bool
    waits_for_room: bool
    due: int


class DueRefreshes:
    """Hands out locks of accounts that are due. All refreshers together begin at most `rate` exchanges a second.

    Where one account takes several, the others come later by as much, up to a minute.
    """

    def __init__(self, store: Store, *, rate: float) -> None:
        self._store = store
        self._rate = rate
        self._further = 0
        self._lock = threading.Lock()

    def one_more(self) -> None:
        """One more exchange begins for an account that was handed out. May be called from any thread."""
        with self._lock:
            self._further += 1

    def take(self, most: int, room: Room, *, unused: int = 0, put_off: Mapping[str, float] = _NOTHING) -> Taken:
        """At most so many, which nobody else is handed out until their locks are free or have expired.

        Kimi was not asked for so many of those before: they were `unused`. `put_off` tells the seconds after which some
        are due again, where they are not planned for later; those that somebody waits for stay the first. Raises
        `StoreUnavailable`: then some may be locked, and neither counts as told.
        """
        owner, further = secrets.token_hex(16), self._further
        wait, is_held_back, waits_for_room, due, *pairs = self._store.run(
            "take",
            owner,
            to_ms(LOCK_SECONDS),
            to_ms(self._store.now()),
            most,
            f"{1000 / self._rate:.3f}",
            max(1, int(self._rate * BURST_SECONDS)),
            unused - further,
            room.usual,
            "" if room.unknown is None else room.unknown,
            "" if room.silent is None else room.silent,
            *_by_kind(room.lines),
            *(word for name, seconds in put_off.items() for word in (name, to_ms(seconds))),
        )
        with self._lock:
            self._further -= further
        locks = [Lock(self._store, name, owner, LOCK_SECONDS) for name in pairs[::2]]
        return Taken(
            tuple(zip(locks, pairs[1::2], strict=True)),
            int(wait) / 1000 if wait else None,
            bool(is_held_back),
            bool(waits_for_room),
            int(due),
        )


def _by_kind(lines: Mapping[str, tuple[int, LineState]]) -> Iterator[str]:
    """How many kinds of lines there are, and each with what it is, its number of lines and these."""
    kinds = defaultdict[tuple[int, LineState], list[str]](list)
    for line, kind in lines.items():
        kinds[kind].append(line)
    yield str(len(kinds))
    for (places, known), those in kinds.items():
        yield from (known.value, str(places), str(len(those)), *those)
