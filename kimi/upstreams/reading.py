"""From bytes to events: what every dialect's stream has in common."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Protocol

from kimi.chat import Alive, Event, Finish

_ALIVE = Alive()


class Reader(Protocol):
    """One answer of one dialect: bytes in, events out, no I/O."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that `chunk` completes; raises `KimiError`. Nothing may be fed after a `Finish`."""
        ...

    def close(self) -> Finish:
        """How it ended, when the bytes end before a `Finish` came. Raises `BrokenAnswer` for an answer that was cut."""
        ...


def events(chunks: Iterable[bytes], reader: Reader) -> Generator[Event, None, Finish]:
    """Everything up to the one `Finish`, which is returned; `Alive` behind what each chunk has brought."""
    for chunk in chunks:
        for event in reader.feed(chunk):
            if isinstance(event, Finish):
                yield _ALIVE
                return event
            yield event
        yield _ALIVE
    return reader.close()
