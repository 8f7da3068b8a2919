"""Looking up hosts that clients name, in threads of their own.

gevent looks names up in ten threads, which the whole worker shares: whoever names hosts whose servers never answer
would have them all for many seconds, and neither Kimi nor Redis could be looked up meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import gevent
from gevent.lock import BoundedSemaphore
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool
from gevent.util import wrap_errors

from gateway.file_room import FETCHES
from kimi.errors import Crowded
from kimi.files.web import Resolver, resolver_by

AT_ONCE: Final = 6 * FETCHES
"""A resolver goes on for 30 s, and nobody waits so long for it: whoever fetches may have asked six by then."""
SECONDS: Final = 5.0
_FAILURES = (OSError, UnicodeError)

_resolve: Final = resolver_by(get_original("socket", "getaddrinfo"))


class Lookups:
    """Tells the addresses of a host, as `kimi.files.web.Resolver`: waits `seconds` at most, others go on meanwhile."""

    def __init__(
        self,
        lookup: Resolver = _resolve,
        *,
        at_once: int = AT_ONCE,
        seconds: float = SECONDS,
    ) -> None:
        self._lookup = lookup
        self._at_once = at_once
        self._seconds = seconds
        self._free = BoundedSemaphore(at_once)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raises `OSError`, and `TimeoutError` where nothing is known in time. The thread waits on then.

        Raises `Crowded` where none is free in time.
        """
        if not self._free.acquire(timeout=self._seconds):
            raise Crowded("too many hosts are looked up at a time", retry_after=self._seconds)
        # Of what a thread raises gevent would print a traceback.
        asked = self._threads.spawn(wrap_errors(_FAILURES, self._lookup), host, port)
        asked.rawlink(lambda _: self._free.release())
        with gevent.Timeout(self._seconds, TimeoutError("the look-up takes too long")):
            found: Sequence[str] | Exception = asked.get()
        if isinstance(found, Exception):
            raise found
        return found

    @cached_property
    def _threads(self) -> ThreadPool:
        return ThreadPool(self._at_once)  # by the first that needs it: threads do not come along into a worker
