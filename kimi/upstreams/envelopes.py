"""Envelopes of the Connect protocol's streams: bytes in, messages out, no I/O.

An envelope is one byte of flags, the length as four bytes big-endian, and the message.
Source: the Connect protocol reference, "Streaming RPCs".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from kimi.errors import BrokenAnswer

MAX_MESSAGE_BYTES = 2 * 1024 * 1024

_HEAD = struct.Struct(">BI")
_HEAD_BYTES = _HEAD.size
_COMPRESSED = 0x01
_END_OF_STREAM = 0x02

Message = bytes | bytearray


def encode(message: bytes) -> bytes:
    """`message` in an envelope, neither compressed nor last."""
    return _HEAD.pack(0, len(message)) + message


class Decoder:
    """Turns pieces of a stream, cut anywhere, into messages; one decoder a stream.

    It `is_over` with its trailer, or with something that has no place in it: a message longer than `limit` bytes, which
    is not read, a compressed one, flags that the protocol does not know. Nothing is read from then on.
    """

    __slots__ = ("_fault", "_limit", "_pending", "_trailer", "is_over")

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        self.is_over = False
        self._limit = limit
        self._pending = bytearray()
        self._trailer: Message | None = None
        self._fault = "the stream was cut before its trailer"

    def feed(self, chunk: bytes) -> Sequence[Message]:
        """The messages that `chunk` completes, and then, if it `is_over`, `trailer` tells how it has ended."""
        size = len(chunk)
        if size >= _HEAD_BYTES and not self._pending:
            flags, length = _HEAD.unpack_from(chunk)
            if not flags and length == size - _HEAD_BYTES <= self._limit:  # one message, as nearly always
                return (chunk[_HEAD_BYTES:],)
        return self._completed(chunk)

    def trailer(self) -> Message:
        """The message that says how the stream ended. Raises `BrokenAnswer` where it has ended without."""
        if self._trailer is None:
            raise BrokenAnswer(self._fault)
        return self._trailer

    def _completed(self, chunk: bytes) -> Sequence[Message]:
        if self.is_over:
            return ()
        pending = self._pending
        data: Message = chunk
        if pending:
            pending += chunk
            data = pending
        found: list[Message] = []
        start = 0
        while not self.is_over and (begin := start + _HEAD_BYTES) <= len(data):
            flags, length = _HEAD.unpack_from(data, start)
            if (flags and flags != _END_OF_STREAM) or length > self._limit:
                self.is_over, self._fault = True, self._why(flags)
                break
            end = begin + length
            if len(data) < end:
                break
            start = end
            if flags:
                self.is_over, self._trailer = True, data[begin:end]
            else:
                found.append(data[begin:end])
        if self.is_over:
            pending.clear()
            self._limit = -1  # nothing fits any more
        elif data is pending:
            del pending[:start]
        else:
            pending += data[start:]
        return found

    def _why(self, flags: int) -> str:
        if flags & _COMPRESSED:
            return "the stream is compressed, which nobody asked for"
        if flags & ~_END_OF_STREAM:
            return f"an envelope has unknown flags 0x{flags:02x}"
        return f"a message of the stream is longer than {self._limit} bytes"
