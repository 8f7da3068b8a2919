"""From bytes to events: what every dialect's stream has in common."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, Final, Protocol

import orjson

from kimi.errors import BrokenAnswer, KimiError
from kimi.events import Batch, Event, Finish

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""The most of one answer, thinking, search results and heartbeats included; a part of it is held until its end."""


class Reader(Protocol):
    """One answer of one dialect: bytes in, events out, no I/O."""

    def feed(self, chunk: bytes, told: list[Event]) -> None:
        """Appends the events that `chunk` completes to `told`; raises `KimiError` behind what came before.

        Nothing is read behind a `Finish`, and nothing may be fed after it.
        """
        ...

    def close(self) -> Finish:
        """How it ended, when the bytes end before a `Finish` came. Raises `BrokenAnswer` for an answer that was cut."""
        ...


def batches(chunks: Iterable[bytes], reader: Reader) -> Generator[Batch, None, Finish]:
    """What each chunk has brought, up to the one `Finish`, which is returned; see `kimi.upstreams.Upstream`."""
    left = MAX_ANSWER_BYTES
    for chunk in chunks:
        if not chunk:
            yield None
            continue
        left -= len(chunk)
        if left < 0:
            raise BrokenAnswer(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        told: list[Event] = []
        try:
            reader.feed(chunk, told)
        except KimiError:
            if told:
                yield told
            raise
        if told and isinstance(finish := told[-1], Finish):
            yield told[:-1]
            return finish
        yield told
    return reader.close()


def parsed(data: bytes | bytearray) -> dict[str, Any]:
    """One message of a stream in JSON. Raises `BrokenAnswer` for anything but an object."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BrokenAnswer("a message of the stream is not JSON") from error
    if not isinstance(said, dict):
        raise BrokenAnswer("a message of the stream is no object")
    return said
