"""How long an upstream may take: for its first byte, between bytes, and in all."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Self

import gevent

from kimi.chat import Chat, Feature
from kimi.errors import AnswerUnread, UpstreamTimeout


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Limits in seconds. Research takes long, and is silent for long while it reads: it has limits of its own."""

    first_byte: float = 60.0
    idle: float = 120.0
    total: float = 1800.0
    research_idle: float = 600.0
    research_total: float = 3600.0

    def of(self, chat: Chat) -> Deadlines:
        """The limits that hold for `chat`."""
        if Feature.RESEARCH not in chat.features:
            return self
        return replace(self, idle=max(self.idle, self.research_idle), total=self.research_total)


class Watch:
    """Raises `UpstreamTimeout` in the greenlet that waits for the stream when that is silent too long.

    When the time for the whole answer is over while it is `reader` that does not go on, that gets `AnswerUnread`.

    The error appears in whatever the stream waits for, so that its own clean-up closes the connection. A stream that
    goes on all the same, because it can do without what came too late, is watched as before.
    One timer serves the whole stream and looks at the clock when it fires, because starting one for every event would
    cost more than the event. While `is_held` it is our side that does not go on, which is no silence of the upstream.
    """

    __slots__ = ("_allowed", "_end", "_limits", "_reader", "_since", "_timer", "_waits", "is_held")

    def __init__(self, limits: Deadlines, reader: Any) -> None:
        self.is_held = False
        self._limits = limits
        self._reader = reader
        self._allowed = limits.first_byte
        self._timer: Any = None

    def __enter__(self) -> Self:
        self._waits: Any = gevent.getcurrent()
        self._since = time.monotonic()
        self._end = self._since + self._limits.total
        self._arm(min(self._limits.first_byte, self._limits.total))
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.close()

    def goes_on(self) -> None:
        """Bytes of the answer have come, and were passed on: whoever calls this waits for the next ones."""
        self.is_held = False
        self._waits = gevent.getcurrent()
        self._allowed = self._limits.idle
        self._since = time.monotonic()

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.close()
        # Never later than `idle`: the silence that has to be noticed may begin right now.
        self._timer = gevent.get_hub().loop.timer(min(seconds, self._limits.idle))
        self._timer.start(self._check)

    def _check(self) -> None:
        now = time.monotonic()
        left, silent = self._end - now, 0.0 if self.is_held else now - self._since
        if left > 0 and silent < self._allowed:
            self._arm(left if self.is_held else min(left, self._allowed - silent))
            return
        self._since = now
        self._arm(self._allowed)
        if left > 0:
            self._waits.throw(UpstreamTimeout(f"nothing came for {silent:.1f} s"))
        else:
            late, greenlet = (AnswerUnread, self._reader) if self.is_held else (UpstreamTimeout, self._waits)
            greenlet.throw(late(f"the answer took longer than {self._limits.total:g} s"))
