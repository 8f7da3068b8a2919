"""Envelopes of the Connect protocol's streams: bytes in, messages out, no I/O.

An envelope is one byte of flags, the length as four bytes big-endian, and the message.
Source: the Connect protocol reference, "Streaming RPCs".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kimi.errors import BrokenAnswer

MAX_MESSAGE_BYTES = 8 * 1024 * 1024

_HEAD = struct.Struct(">BI")
_COMPRESSED = 0x01
_END_OF_STREAM = 0x02


Envelope = tuple[bytes | bytearray, bool]
"""A message, and whether it is the trailer, which says how the stream ended."""


def encode(message: bytes) -> bytes:
    """`message` in an envelope, neither compressed nor last."""
    return _HEAD.pack(0, len(message)) + message


class Decoder:
    """Turns pieces of a stream, cut anywhere, into envelopes; one decoder a stream.

    Raises `BrokenAnswer` for a message longer than `limit` bytes (before it is read), for a compressed one, for flags
    that the protocol does not know and for anything behind the trailer.
    """

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._ended = False

    def feed(self, chunk: bytes) -> Iterator[Envelope]:
        """The envelopes that `chunk` completes, each before anything behind it is looked at."""
        pending = self._pending
        data: bytes | bytearray = chunk
        if pending:
            pending += chunk
            data = pending
        size = len(data)
        start = 0
        try:
            while start < size:
                if self._ended:
                    raise BrokenAnswer("bytes behind the end of the stream")
                message = start + _HEAD.size
                if size < message:
                    return
                flags, length = _HEAD.unpack_from(data, start)
                if flags or length > self._limit:
                    self._check(flags, length)
                end = message + length
                if size < end:
                    return
                start = end
                if flags:  # the only one that is left
                    self._ended = True
                yield data[message:end], self._ended
        finally:
            if data is pending:
                del pending[:start]
            else:
                pending += data[start:]

    def close(self) -> None:
        """Say that the stream has ended. Raises `BrokenAnswer` when it ended before its trailer."""
        if not self._ended:
            raise BrokenAnswer("the stream was cut before its trailer")

    def _check(self, flags: int, length: int) -> None:
        if flags & _COMPRESSED:
            raise BrokenAnswer("the stream is compressed, which nobody asked for")
        if flags & ~_END_OF_STREAM:
            raise BrokenAnswer(f"an envelope has unknown flags 0x{flags:02x}")
        if length > self._limit:
            raise BrokenAnswer(f"a message of the stream is longer than {self._limit} bytes")
