"""What an upstream says that we do not know: counted, and told once each by shape, so that changes are noticed."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from kimi.accounts import Kind
from kimi.redaction import redact
from kimi.upstreams.complaints import harmless
from kimi.upstreams.shapes import shape

log = logging.getLogger(__name__)

_LONGEST = 60
_NAME = re.compile(r"[\w.:/-]+", re.ASCII)
_MOST = 200  # as many as are kept of all processes together


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something unknown, as often as it was met. Times are in Unix seconds.

    `what` is one of a few words of ours (event, mask, reason, …), `name` the upstream's, `shape` of the message in
    which it came first.
    """

    kind: Kind
    what: str
    name: str
    shape: str
    first: float
    last: float
    count: int


class Drift:
    """Remembers what was met. A name is told only when it looks like one, a value never.

    `met` hears of each time, with the kind and what it was. May be used by several threads.
    """

    def __init__(
        self, met: Callable[[Kind, str], object] = lambda _kind, _what: None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._met = met
        self._clock = clock
        self._told: set[tuple[Kind, str, str]] = set()
        self._new: dict[tuple[Kind, str, str], _Tally] = {}
        self._lock = threading.Lock()

    def note(self, kind: Kind, what: str, name: object, shape_of: object = None) -> None:
        """Say that accounts of `kind` met an unknown `what` (event, mask, reason, …) called `name`.

        `shape_of` is the message that it stood in.
        """
        self._met(kind, what)
        entry = (kind, what, _shown(name))
        now = self._clock()
        with self._lock:
            if (known := self._new.get(entry)) is not None:  # nearly always, where there are many
                known.last = now
                known.count += 1
                return
            if len(self._told) >= _MOST and entry not in self._told:
                return
            is_new = entry not in self._told
            self._told.add(entry)
            seen = _Tally(shape(shape_of) if is_new and shape_of is not None else "", now, now, 1)
            self._new[entry] = seen
        if is_new:
            where = f", in {seen.shape}" if seen.shape else ""
            log.warning("the %s upstream sends an unknown %s: %s%s", kind.value, what, entry[2], where)

    def take(self) -> tuple[Sighting, ...]:
        """What was met since this was asked last."""
        with self._lock:
            taken, self._new = self._new, {}
        return tuple(Sighting(*entry, seen.shape, seen.first, seen.last, seen.count) for entry, seen in taken.items())

    def put_back(self, taken: Iterable[Sighting]) -> None:
        """What was taken could not be kept: it will be taken again."""
        with self._lock:
            for seen in taken:
                entry = (seen.kind, seen.what, seen.name)
                later = self._new.get(entry)
                both = _Tally(seen.shape, seen.first, seen.last, seen.count)
                if later is not None:
                    both = _Tally(seen.shape or later.shape, seen.first, later.last, seen.count + later.count)
                self._new[entry] = both


@dataclass(slots=True)
class _Tally:
    """What is counted of one thing: an upstream may say it ten thousand times a second."""

    shape: str
    first: float
    last: float
    count: int


def _shown(name: object) -> str:
    is_name = isinstance(name, str) and len(name) <= _LONGEST and _is_name(name)
    return str(name) if is_name else f"({type(name).__name__})"


@lru_cache(maxsize=_MOST)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and redact(name) == harmless(name) == name
