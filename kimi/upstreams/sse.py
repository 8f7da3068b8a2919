"""Server-sent events: bytes in, events out, no I/O.

Follows the HTML standard's section 9.2.6 for reading an event stream, except that bytes which are not UTF-8 are an
error here and are not replaced: a lost character would pass for an answer.
The blank line behind the last event may be missing.
"""

from __future__ import annotations

from typing import NamedTuple

from kimi.errors import BrokenAnswer

MAX_EVENT_BYTES = 8 * 1024 * 1024


class ServerSentEvent(NamedTuple):
    """One event. `id` and `retry` serve reconnection, which no upstream knows, and are dropped."""

    data: str
    event: str = "message"


class Decoder:
    """Turns pieces of a stream, cut anywhere, into events; one decoder a stream.

    Events longer than `limit` bytes raise `BrokenAnswer`, as bytes that are not UTF-8 do.
    """

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that `chunk` completes."""
        if self._after_cr or b"\r" in chunk:
            chunk = self._unified(chunk)
        pending = self._pending
        searched = max(0, len(pending) - 1)
        pending += chunk
        end = pending.rfind(b"\n\n", searched)
        if end < 0:
            self._check(len(pending) - 1)  # the last byte may be the line's end
            return []
        complete = bytes(pending[:end])
        del pending[: end + 2]
        self._check(len(pending) - 1)
        if end > self._limit:
            for block in complete.split(b"\n\n"):
                self._check(len(block))
        return [event for text in self._text(complete).split("\n\n") if (event := _event(text)) is not None]

    def close(self) -> list[ServerSentEvent]:
        """Say that the stream has ended; the event that it ends with if only its blank line is missing.

        The standard drops such an event, because it may be cut off: whoever takes it has to see that it is whole.
        """
        event = _event(self._text(bytes(self._pending)).rstrip("\n"))
        self._pending.clear()
        return [] if event is None else [event]

    def _unified(self, chunk: bytes) -> bytes:
        """`chunk` with every line ending as LF; a CR counts at once, an LF right behind it is its other half."""
        if not chunk:
            return chunk
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _text(self, block: bytes) -> str:
        try:
            text = block.decode()
        except UnicodeDecodeError as error:
            raise BrokenAnswer("the event stream is not UTF-8") from error
        if self._at_start:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        return text

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise BrokenAnswer(f"an event of the stream is longer than {self._limit} bytes")


def _event(block: str) -> ServerSentEvent | None:
    # Nearly every event is one line of data, and this is the busiest place of the whole program.
    if block.startswith("data:") and "\n" not in block:
        return ServerSentEvent(block[6:] if block.startswith(" ", 5) else block[5:])
    data: list[str] = []
    name = ""
    for line in block.split("\n"):
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
    return ServerSentEvent("\n".join(data), name or "message") if data else None
