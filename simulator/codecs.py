"""Messages to bytes: server-sent events and Connect envelopes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from random import Random
from typing import Any, Protocol

import orjson

from simulator.streams import Emit

Message = Mapping[str, Any]


class Codec(Protocol):
    """How a dialect puts one message on the wire."""

    content_type: str

    def encode(self, message: Message) -> bytes: ...

    def raw(self, payload: bytes) -> bytes:
        """`payload`, whatever it is, in a whole frame."""

    def noise(self, rng: Random) -> bytes:
        """Something that a reader has to pass over."""


def _json(message: Message, *, escaped: bool) -> bytes:
    return json.dumps(message).encode() if escaped else orjson.dumps(message)


class Sse:
    """Server-sent events: one `data:` line a message."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, rng: Random, *, tame: bool) -> None:
        self._escaped = not tame and rng.random() < 0.15
        self._end = b"\r\n" if not tame and rng.random() < 0.15 else b"\n"
        self._field = b"data:" if not tame and rng.random() < 0.25 else b"data: "

    def encode(self, message: Message) -> bytes:
        """One event."""
        return self.raw(_json(message, escaped=self._escaped))

    def raw(self, payload: bytes) -> bytes:
        """One event of any payload."""
        return b"%b%b%b%b" % (self._field, payload, self._end, self._end)

    def noise(self, rng: Random) -> bytes:
        """A comment, or fields that nobody reads."""
        line = rng.choice((b": keep-alive", b":", b"id: 17", b"event: message", b"retry: 3000"))
        return b"%b%b%b" % (line, self._end, self._end)


class Envelopes:
    """Connect envelopes: flags, length, JSON."""

    content_type = "application/connect+json"

    def __init__(self, rng: Random, *, tame: bool) -> None:
        self._escaped = not tame and rng.random() < 0.15

    def encode(self, message: Message) -> bytes:
        """One data frame."""
        return self.raw(_json(message, escaped=self._escaped))

    def raw(self, payload: bytes) -> bytes:
        """A data frame of any payload."""
        return envelope(0, payload)

    def noise(self, rng: Random) -> bytes:
        """A heartbeat."""
        return self.raw(rng.choice((b'{"heartbeat":{}}', b'{ "heartbeat" : { } }')))


def envelope(flags: int, payload: bytes) -> bytes:
    """One frame of the Connect protocol."""
    return struct.pack(">BI", flags, len(payload)) + payload


def end_of_stream(message: Message) -> Emit:
    """The 0x02 trailer."""
    return Emit("end", envelope(2, orjson.dumps(message)))
