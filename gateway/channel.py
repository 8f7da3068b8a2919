"""Events on their way from the greenlet that reads an upstream to whoever answers a client."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gevent.event import Event as Flag

from kimi.chat import Event, Finish

CAPACITY = 256  # events; a client that reads slowly stops the reading of its upstream here

Consume = Callable[[Sequence[Event]], object]


class Channel:
    """Bounded, for one writer and one reader, which gets everything there is at once.

    A reader that waits can have the writer do its work in its own greenlet: waking another one for every event would
    cost more than all that is done to the event. Only one of the two is ever at work.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._events: list[Event] = []
        self._capacity = capacity
        self._filled = Flag()
        self._room = Flag()
        self._failure: BaseException | None = None
        self._consume: Consume | None = None  # of a reader that waits
        self._is_consuming = False

    def put(self, event: Event) -> None:
        """Adds an event, which the reader gets with the next `flush`; waits while the reader is too far behind.

        The last one always has room, and needs no `flush`.
        """
        is_last = isinstance(event, Finish)
        while len(self._events) >= self._capacity and not is_last:
            self._room.clear()
            self.flush()
            if self._events:
                self._room.wait()
        self._events.append(event)
        if is_last:
            self._filled.set()

    def flush(self) -> None:
        """Lets the reader have what was put. Raises what its `consume` raises."""
        if not self._events:
            return
        if self._consume is None:
            self._filled.set()
        else:
            self._hand_over(self._consume)

    def fail(self, error: BaseException) -> None:
        """Ends the stream: the reader gets what was put before, then `error`."""
        self._failure = error
        self._filled.set()

    def take(self, timeout: float, consume: Consume | None = None) -> list[Event]:
        """Everything that is there, waiting up to `timeout` seconds for the first; an empty list after silence.

        What comes while it waits is given to `consume` in the writer's greenlet, where that is given; only the batch
        that ends the stream is left for the reader.
        Raises what the writer failed with once all before it was taken.
        """
        if not self._events and self._failure is None:
            self._await(timeout, consume)
        if self._events:
            events, self._events = self._events, []
            self._room.set()
            return events
        if self._failure is not None:
            raise self._failure
        return []

    def _hand_over(self, consume: Consume) -> None:
        events, self._events = self._events, []
        self._is_consuming = True
        try:
            consume(events)
        finally:
            self._is_consuming = False
            if self._consume is None:  # its reader wants to go on, and waits for this
                self._filled.set()

    def _await(self, timeout: float, consume: Consume | None) -> None:
        self._filled.clear()
        self._consume = consume
        try:
            self._filled.wait(timeout)
        finally:
            self._consume = None
        while self._is_consuming:
            self._filled.clear()
            self._filled.wait()
