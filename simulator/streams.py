"""A body that is sent piece by piece: what it is made of, and who counts it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic

import gevent

from simulator.links import Link

BREATH = 16  # pieces after which others get a turn
SHORT = 0.25  # seconds up to which a late pause is made shorter


@dataclass(frozen=True, slots=True)
class Emit:
    """Bytes of one whole message. `tag` says what it is: head, noise, think, text, tool, tail, end."""

    tag: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence; None is for ever, that is until the client leaves."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Headers:
    """Send the status line and the headers now."""


@dataclass(frozen=True, slots=True)
class Break:
    """End the connection here. `how`: cut (without the last chunk) | reset (RST) | fin (as if all was well)."""

    how: str


Item = Emit | Pause | Headers | Break


class Cut(ConnectionResetError):
    """Tells the server to drop the connection without a word."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "cut by the simulator")


class Stream:
    """A running answer of one account."""

    def __init__(self, link: Link, on_close: Callable[[Stream, str], None]) -> None:
        self.link = link
        self.cancelled = False
        self._on_close: Callable[[Stream, str], None] | None = on_close

    @property
    def closed(self) -> bool:
        """Whether nobody is sent anything of it any more."""
        return self._on_close is None

    def close(self, outcome: str) -> None:
        """Give the account back; `outcome` is completed | broken | closed_by_peer. Only the first call counts."""
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close(self, outcome)


class Pace:
    """Turns pauses into waits such that many short ones take as long as they should, together.

    Times are monotonic seconds.
    """

    def __init__(self, now: float) -> None:
        self._due = now

    def wait(self, seconds: float | None, now: float) -> float | None:
        """How long to wait now for a pause of `seconds`."""
        if seconds is None or seconds > SHORT or now - self._due > SHORT:
            self._due = now + (seconds or 0)
            return seconds
        self._due += seconds
        return max(0.0, self._due - now)


class Body:
    """The iterable that the server sends. Its `close` is called however it ends."""

    def __init__(self, items: Iterator[Item], link: Link, flush: Callable[[], None], stream: Stream | None) -> None:
        self._items = items
        self._link = link
        self._flush = flush
        self._stream = stream
        self._outcome = "broken"  # unless it is begun

    def __iter__(self) -> Iterator[bytes]:
        self._outcome = "closed_by_peer"
        self._link.watch(self._peer_left)
        pace = Pace(monotonic())
        for number, item in enumerate(self._items):
            if isinstance(item, Emit):
                yield item.data
                if number % BREATH == 0:
                    gevent.sleep(0)
            elif isinstance(item, Pause):
                if self._link.wait(pace.wait(item.seconds, monotonic())):
                    raise Cut
            elif isinstance(item, Headers):
                self._flush()
            else:
                self._outcome = "broken"
                if self._end(item):
                    return
        if self._outcome != "broken":
            self._outcome = "completed"

    def _end(self, item: Break) -> bool:
        if item.how == "fin":
            return True
        if item.how == "reset":
            self._link.reset()
        raise Cut

    def _peer_left(self) -> None:
        if self._stream is not None:
            self._stream.close("closed_by_peer")

    def close(self) -> None:
        """Stop watching the client and give the account back."""
        self._link.unwatch()
        if self._stream is not None:
            self._stream.close(self._outcome)
