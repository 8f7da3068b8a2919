"""Server-sent events: bytes in, data out, no I/O.

Follows the HTML standard's section 9.2.6 for reading an event stream, except that bytes which are not UTF-8 are an
error and are not replaced: a lost character would pass for an answer. In data it is for whoever reads it as JSON to
find them, in what is dropped here they are found here.
The blank line behind the last event may be missing.
"""

from __future__ import annotations

import re

from kimi.errors import BrokenAnswer

MAX_EVENT_BYTES = 2 * 1024 * 1024
MAX_EVENT_LINES = 10_000
"""Nobody writes more: JSON needs one. They are told apart without a pause."""

_BOM = b"\xef\xbb\xbf"
_LF, _CR = b"\n\r"
_DATA = re.compile(rb"^data(?:: ?(.*))?$", re.MULTILINE)


class Decoder:
    """Turns pieces of a stream, cut anywhere, into the data of its events; one decoder a stream.

    Names of events tell no upstream's reader anything, `id` and `retry` serve reconnection, which no upstream knows:
    all of them are dropped.
    Events longer than `limit` bytes, or of more than `MAX_EVENT_LINES`, raise `BrokenAnswer`, as does what is dropped
    when it is not UTF-8. That is behind the events before it: with the next call where this one has brought some, and
    with every call from then on.
    """

    __slots__ = ("_after_cr", "_at_start", "_fault", "_limit", "_pending")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._after_cr = False
        self._at_start = True
        self._fault = ""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that `chunk` completes."""
        # Nearly always that is one line in one event, and this is the busiest place of the whole program.
        if chunk.startswith(b"data: ") and chunk.endswith(b"\n\n") and not self._pending and not self._after_cr:
            data = chunk[6:-2]
            if _LF not in data and _CR not in data and len(data) + 6 <= self._limit:
                self._at_start = False
                return [data]
        return self._several(chunk)

    def close(self) -> list[bytes]:
        """Say that the stream has ended; the data of the event that it ends with if only its blank line is missing.

        The standard drops such an event, because it may be cut off: whoever takes it has to see that it is whole.
        """
        rest = self._behind_bom(bytes(self._pending)).rstrip(b"\n")
        self._pending.clear()
        return self._told(rest)

    def _several(self, chunk: bytes) -> list[bytes]:
        if self._after_cr or _CR in chunk:
            chunk = self._unified(chunk)
        if not self._pending and chunk.endswith(b"\n\n"):
            return self._told(self._behind_bom(chunk[:-2]))
        complete = self._completed(chunk)
        return self._told(b"" if complete is None else self._behind_bom(complete))

    def _told(self, blocks: bytes) -> list[bytes]:
        """The data of complete events. Raises what is wrong with them, or with what is pending, where there is none."""
        found = [] if self._fault else self._data(blocks)
        if len(self._pending) - 1 > self._limit:  # the last byte may be the line's end
            self._break(f"an event of the stream is longer than {self._limit} bytes")
        if self._fault and not found:
            raise BrokenAnswer(self._fault)
        return found

    def _data(self, blocks: bytes) -> list[bytes]:
        """The data of events with blank lines between them, up to the first that is wrong."""
        if blocks.startswith(b"data: ") and len(blocks) <= self._limit:
            found = blocks[6:].split(b"\n\ndata: ")
            if blocks.count(_LF) == 2 * (len(found) - 1):
                return found
        found = []
        for written in blocks.split(b"\n\n"):
            if not written:
                continue
            if len(written) > self._limit:
                self._break(f"an event of the stream is longer than {self._limit} bytes")
                break
            block = written.strip(b"\n")  # of three line ends two are a blank line, whichever
            if block.count(_LF) >= MAX_EVENT_LINES:
                self._break(f"an event of the stream has more than {MAX_EVENT_LINES} lines")
                break
            try:
                data = _of_block(block)
            except UnicodeDecodeError:
                self._break("the event stream is not UTF-8")
                break
            if data is not None:
                found.append(data)
        return found

    def _break(self, fault: str) -> None:
        self._fault = self._fault or fault
        self._limit = -1  # nothing fits any more
        self._pending.clear()

    def _completed(self, chunk: bytes) -> bytes | None:
        """What stands before the last blank line, where there is one now that `chunk` has come; the rest is kept."""
        pending = self._pending
        searched = max(0, len(pending) - 1)
        pending += chunk
        end = pending.rfind(b"\n\n", searched)
        if end < 0:
            return None
        complete = bytes(pending[:end])
        del pending[: end + 2]
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

    def _behind_bom(self, text: bytes) -> bytes:
        if self._at_start:
            self._at_start = False
            return text.removeprefix(_BOM)
        return text


def _of_block(block: bytes) -> bytes | None:
    """The data of one event. Raises `UnicodeDecodeError` where there is something else in it that is not UTF-8."""
    if block.startswith(b"data: ") and _LF not in block:
        return block[6:]
    block.decode()
    data = _DATA.findall(block)
    return b"\n".join(data) if data else None
