"""What a worker and its validator say to each other, through two pipes."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import IntEnum
from struct import Struct
from typing import Any, Final

READY: Final = b"+"
"""What a validator says first of all."""
_TASK: Final = Struct(">BII")
_REPLY: Final = Struct(">H")


class Wanted(IntEnum):
    """What a worker wants to know."""

    READING = 0
    """Whether a schema is one: complaints, of which there are none, or what is wrong with it, a `Wrong`."""
    FITTING = 1
    """Whether a value fits: no complaints, or any."""
    COMPLAINTS = 2
    """What of a value does not fit."""


def task(wanted: Wanted, schema: bytes, value: bytes) -> bytes:
    """What a worker sends; both are JSON."""
    return b"".join([_TASK.pack(wanted, len(schema), len(value)), schema, value])


def read_task(read: Callable[[int], bytes]) -> tuple[Wanted, bytes, bytes]:
    """What came. `read` gives as many bytes as it is asked for, or raises `EOFError`, as this does."""
    wanted, schema, value = _TASK.unpack(read(_TASK.size))
    return Wanted(wanted), read(schema), read(value)


def reply(found: Any, seconds: float) -> bytes:
    """What a validator answers, and what that took of a processor. Texts may hold halves of characters."""
    written = json.dumps([found, seconds]).encode()
    return _REPLY.pack(len(written)) + written


def read_reply(read: Callable[[int], bytes]) -> tuple[Any, float]:
    """The same for answers."""
    found, seconds = json.loads(read(*_REPLY.unpack(read(_REPLY.size))))
    return found, seconds
