"""Events on their way from the greenlet that reads an upstream to the one that answers a client."""

from __future__ import annotations

from collections import deque

from gevent.event import Event as Flag

from kimi.chat import Event, Finish

CAPACITY = 256  # events; a client that reads slowly stops the reading of its upstream here


class Channel:
    """A bounded queue for one writer and one reader that hands over everything there is at once."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._events: deque[Event] = deque()
        self._capacity = capacity
        self._filled = Flag()
        self._room = Flag()
        self._failure: BaseException | None = None

    def put(self, event: Event) -> None:
        """Adds an event; waits while the reader is too far behind. The last one always has room."""
        while len(self._events) >= self._capacity and not isinstance(event, Finish):
            self._room.clear()
            self._room.wait()
        self._events.append(event)
        self._filled.set()

    def fail(self, error: BaseException) -> None:
        """Ends the stream: the reader gets what was put before, then `error`."""
        self._failure = error
        self._filled.set()

    def take(self, timeout: float) -> list[Event]:
        """Everything that is there, waiting up to `timeout` seconds for the first; an empty list after silence.

        Raises what the writer failed with once all before it was taken.
        """
        if not self._events and self._failure is None:
            self._filled.clear()
            self._filled.wait(timeout)
        if self._events:
            events = list(self._events)
            self._events.clear()
            self._room.set()
            return events
        if self._failure is not None:
            raise self._failure
        return []
