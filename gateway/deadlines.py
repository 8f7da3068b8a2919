"""How long an upstream may take: for its first byte, between bytes, and in all."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gevent

from kimi.chat import Chat, ChatOpened, Event, Feature
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
    """Raises `UpstreamTimeout` inside a stream that keeps its reader waiting for too long.

    When the time for the whole answer is over while it is the reader who does not go on, it is `AnswerUnread`.

    The error appears in whatever the stream waits for, so that its own clean-up closes the connection.
    One timer serves the whole stream and looks at the clock when it fires, because starting one for every event would
    cost more than the event. What the reader does with an event does not count as the upstream's silence.
    """

    def __init__(self, limits: Deadlines) -> None:
        self._limits = limits
        self._allowed = limits.first_byte
        self._waiting_since: float | None = None
        self._timer: Any = None

    def over(self, stream: Generator[Event]) -> Iterator[Event]:
        """The events of `stream`. To be read by the greenlet that calls this."""
        self._reader: Any = gevent.getcurrent()
        self._end = time.monotonic() + self._limits.total
        self._arm(min(self._limits.first_byte, self._limits.total))
        try:
            while True:
                self._waiting_since = time.monotonic()
                event = next(stream, None)
                self._waiting_since = None
                if event is None:
                    return
                if not isinstance(event, ChatOpened):  # it can come of a call of its own, before the answer
                    self._allowed = self._limits.idle
                yield event
        finally:
            self._timer.close()

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.close()
        # Never later than `idle`: the silence that has to be noticed may begin right now.
        self._timer = gevent.get_hub().loop.timer(min(seconds, self._limits.idle))
        self._timer.start(self._check)

    def _check(self) -> None:
        now = time.monotonic()
        if now >= self._end:
            late = UpstreamTimeout if self._waiting_since is not None else AnswerUnread
            self._reader.throw(late(f"the answer took longer than {self._limits.total:g} s"))
            return
        left = self._end - now
        if self._waiting_since is not None:
            silent = now - self._waiting_since
            if silent >= self._allowed:
                self._reader.throw(UpstreamTimeout(f"nothing came for {silent:.1f} s"))
                return
            left = min(left, self._allowed - silent)
        self._arm(left)
