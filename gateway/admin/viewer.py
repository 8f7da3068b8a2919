"""One who looks at the live page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from gevent.event import Event as Flag

from gateway.admin.watcher import News

_PIECE: Final = 250
"""Accounts in one event."""


class Viewer:
    """Holds what its client has not read yet: of each account the latest only, so that a slow one holds little.

    `hang_up` cuts off a client that does not read at all.
    """

    def __init__(self, hang_up: Callable[[], object], monotonic: Callable[[], float]) -> None:
        self.hang_up = hang_up
        self.ended = False
        self._monotonic = monotonic
        self._flag: Any = Flag()
        self._busy_since: float | None = None
        self._overview = b""
        self._accounts: dict[str, bytes] = {}
        self._removed: set[str] = set()
        self._now = 0.0

    def tell(self, news: News, now: float) -> None:
        """These accounts are so `now`, in Unix seconds."""
        self._now = now
        self._accounts.update(news.accounts)
        self._removed.difference_update(news.accounts)
        for name in news.removed:
            self._accounts.pop(name, None)
            self._removed.add(name)
        self._flag.set()

    def sketch(self, overview: bytes) -> None:
        """So is the whole."""
        self._overview = overview
        self._flag.set()

    def end(self) -> None:
        """There is nothing more to come."""
        self.ended = True
        self._flag.set()

    def busy_for(self) -> float:
        """For how many seconds its client has not taken what it was given."""
        return 0.0 if self._busy_since is None else self._monotonic() - self._busy_since

    def take(self, seconds: float) -> bytes:
        """The next events, or nothing after so many seconds without."""
        self._busy_since = None
        self._flag.wait(seconds)
        told = self._told()
        if not (self._accounts or self._removed or self.ended):
            self._flag.clear()
        self._busy_since = self._monotonic()
        return told

    def _told(self) -> bytes:
        told, self._overview = _event(b"overview", self._overview) if self._overview else b"", b""
        if self._accounts or self._removed:
            names = list(self._accounts)[:_PIECE]
            accounts = [orjson.Fragment(self._accounts.pop(name)) for name in names]
            body = {"now": round(self._now, 3), "accounts": accounts, "removed": sorted(self._removed)}
            told += _event(b"accounts", orjson.dumps(body))
            self._removed.clear()
        return told


def _event(name: bytes, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name, data)
