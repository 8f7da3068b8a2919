"""Server-sent events: bytes in, data out, no I/O.

Follows the HTML standard's section 9.2.6 for reading an event stream, except that bytes which are not UTF-8 are an
error here and are not replaced: a lost character would pass for an answer.
The blank line behind the last event may be missing.
"""

from __future__ import annotations

from kimi.errors import BrokenAnswer

MAX_EVENT_BYTES = 8 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_LF, _CR = b"\n\r"


class Decoder:
    """Turns pieces of a stream, cut anywhere, into the data of its events, as UTF-8; one decoder a stream.

    Names of events tell no upstream's reader anything, `id` and `retry` serve reconnection, which no upstream knows:
    all of them are dropped.
    Events longer than `limit` bytes raise `BrokenAnswer`, as bytes that are not UTF-8 do.
    """

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that `chunk` completes."""
        if self._after_cr or _CR in chunk:
            chunk = self._unified(chunk)
        if not self._pending and chunk.endswith(b"\n\n"):
            complete = chunk[:-2]
        else:
            found = self._completed(chunk)
            if found is None:
                return []
            complete = found
        if len(complete) > self._limit:
            for block in complete.split(b"\n\n"):
                self._check(len(block))
        return _data(self._checked(complete))

    def close(self) -> list[bytes]:
        """Say that the stream has ended; the data of the event that it ends with if only its blank line is missing.

        The standard drops such an event, because it may be cut off: whoever takes it has to see that it is whole.
        """
        rest = self._checked(bytes(self._pending)).rstrip(b"\n")
        self._pending.clear()
        return _data(rest)

    def _completed(self, chunk: bytes) -> bytes | None:
        """What stands before the last blank line, where there is one now that `chunk` has come; the rest is kept."""
        pending = self._pending
        searched = max(0, len(pending) - 1)
        pending += chunk
        end = pending.rfind(b"\n\n", searched)
        complete = None
        if end >= 0:
            complete = bytes(pending[:end])
            del pending[: end + 2]
        self._check(len(pending) - 1)  # the last byte may be the line's end
        return complete

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

    def _checked(self, text: bytes) -> bytes:
        if not text.isascii():
            try:
                text.decode()
            except UnicodeDecodeError as error:
                raise BrokenAnswer("the event stream is not UTF-8") from error
        if self._at_start:
            self._at_start = False
            return text.removeprefix(_BOM)
        return text

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise BrokenAnswer(f"an event of the stream is longer than {self._limit} bytes")


def _data(blocks: bytes) -> list[bytes]:
    """The data of events with blank lines between them."""
    # Nearly always every event is one line of data, and this is the busiest place of the whole program.
    if blocks.startswith(b"data: "):
        if _LF not in blocks:
            return [blocks[6:]]
        found = blocks[6:].split(b"\n\ndata: ")
        if blocks.count(_LF) == 2 * (len(found) - 1):
            return found
    return [data for block in blocks.split(b"\n\n") if (data := _of_block(block)) is not None]


def _of_block(block: bytes) -> bytes | None:
    lines = [line.partition(b":") for line in block.split(b"\n")]
    data = [value.removeprefix(b" ") for field, _, value in lines if field == b"data"]
    return b"\n".join(data) if data else None
