"""What every surface is made of: an answer's identity, its JSON literals, and what a surface has to offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from gateway.problem import Problem
from kimi.events import Event, Usage

COMMENT: Final = b": still working\n\n"
"""What bridges a silence for those who read comments, or at least count bytes."""
PIECE: Final = 16 * 1024
"""A delta carries at most so many bytes of text."""
SURELY_SMALL: Final = 2_048
"""A text of so many characters is 8 KiB of UTF-8 and 12 KiB of JSON at the very most."""
_LITERAL: Final = 48 * 1024  # control characters take six bytes each in JSON; one-api stops at lines of 64 KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What stands at the head of an answer. `created` is in Unix seconds, `model` is the name that was asked for."""

    id: str
    created: int
    model: str


class Stream(Protocol):
    """An answer as the bytes of a stream."""

    holds_status: bool
    """Whether the status line waits for the first piece of the answer, so that it can tell of a failure before."""

    @property
    def usage(self) -> Usage: ...

    def render(self, events: Sequence[Event]) -> bytes:
        """The bytes for `events`; none where the client is told nothing of them. `Finish` ends the stream.

        Where its end is long there is more of it, each time that this is asked for no events, until there is none.
        """

    def heartbeat(self) -> bytes:
        """The bytes that bridge a silence."""

    def fail(self, problem: Problem) -> bytes:
        """The bytes that end a stream in which something went wrong."""


class Whole(Protocol):
    """An answer as one body."""

    @property
    def usage(self) -> Usage: ...

    def add(self, events: Sequence[Event]) -> None:
        """Takes what came; `Finish` completes the answer."""

    def body(self) -> bytes:
        """The JSON of the complete answer."""


def literal(text: str) -> bytes:
    """`text` as a JSON string. Halves of a surrogate pair find each other or become U+FFFD."""
    try:
        return orjson.dumps(text)
    except orjson.JSONEncodeError:
        return orjson.dumps(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def literals(text: str) -> list[bytes]:
    """`text` as JSON strings that each fit a delta, never cut inside a character."""
    whole = literal(text)
    if len(text) <= SURELY_SMALL or (len(whole) <= _LITERAL and len(text.encode(errors="replace")) <= PIECE):
        return [whole]
    middle = len(text) // 2
    return literals(text[:middle]) + literals(text[middle:])


def enclosed(head: bytes, text: str, tail: bytes) -> bytes:
    """`text` as `literals` has it, each of them between `head` and `tail`."""
    if len(text) <= SURELY_SMALL:
        try:
            return head + orjson.dumps(text) + tail
        except orjson.JSONEncodeError:
            pass  # `literals` mends it
    return b"".join(head + piece + tail for piece in literals(text))
