"""Ids of calls.

They tell which of an answer's calls each is: a client that sends only what is new in a conversation says no more of a
result than the id of its call.
"""

from __future__ import annotations

import random
import re
from typing import Final

_DIGITS: Final = 24  # hexadecimal
_OURS: Final = re.compile(rf"call_[0-9a-f]{{{_DIGITS}}}_(\d{{1,4}})", re.ASCII)


def new(number: int, dice: random.Random) -> str:
    """The id of the call of that number in its answer, unique wherever calls of one conversation are made."""
    return f"call_{dice.getrandbits(4 * _DIGITS):0{_DIGITS}x}_{number}"


def number_of(call_id: str) -> int | None:
    """The number of the call of that id, if it is one of ours."""
    ours = _OURS.fullmatch(call_id)
    return int(ours[1]) if ours else None
