"""Looking up hosts that clients name, in threads of their own.

gevent looks names up in ten threads, which the whole worker shares: whoever names hosts whose servers never answer
would have them all for many seconds, and neither Kimi nor Redis could be looked up meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, Final

import gevent
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from kimi.files.web import Resolver, resolve

AT_ONCE: Final = 4
SECONDS: Final = 5.0

_getaddrinfo: Callable[..., Any] = get_original("socket", "getaddrinfo")
_resolve: Resolver = partial(resolve, lookup=_getaddrinfo)


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

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raises `OSError`, and `TimeoutError` where nothing is known in time. The thread waits on then."""
        found: Sequence[str]
        with gevent.Timeout(self._seconds, TimeoutError("the look-up takes too long")):
            found = self._threads.apply(self._lookup, (host, port))
        return found

    @cached_property
    def _threads(self) -> ThreadPool:
        return ThreadPool(self._at_once)  # by the first that needs it: threads do not come along into a worker
