"""From bytes to events: what every dialect's stream has in common."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Protocol

from kimi.accounts import Kind
from kimi.chat import Alive, ChatOpened, Event, Finish
from kimi.http import Reply, media_type, read
from kimi.upstreams import complaints
from kimi.upstreams.drift import Drift
from kimi.upstreams.faults import classify

IDLE_SECONDS = 120.0
"""How long a stream may be silent."""
PATIENCE_SECONDS = 30.0
"""How long any other call may take."""

_NO_STREAM = frozenset({"application/json", "text/html"})
_ALIVE = Alive()


class Reader(Protocol):
    """One answer of one dialect: bytes in, events out, no I/O."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that `chunk` completes; raises `KimiError`. Nothing may be fed after a `Finish`."""
        ...

    def close(self) -> Finish:
        """How it ended, when the bytes end before a `Finish` came. Raises `BrokenAnswer` for an answer that was cut."""
        ...


def expect_stream(reply: Reply, kind: Kind, drift: Drift, *, patience: float) -> None:
    """Returns when `reply` is a stream; else reads it, for `patience` seconds at most, and raises what it means."""
    if reply.status != 200 or media_type(reply.headers) in _NO_STREAM:
        raise classify(complaints.of_answer(kind, read(reply, timeout=patience)), drift)


def events(chunks: Iterable[bytes], reader: Reader) -> Generator[Event]:
    """Everything up to the one `Finish`; `Alive` for each chunk that holds nothing to read."""
    for chunk in chunks:
        silent = True
        for event in reader.feed(chunk):
            silent = silent and isinstance(event, ChatOpened)
            yield event
            if isinstance(event, Finish):
                return
        if silent:
            yield _ALIVE
    yield reader.close()
