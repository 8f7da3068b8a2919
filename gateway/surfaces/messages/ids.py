"""Ids of calls. Kimi's official models write theirs as `get_weather:0`, which is none in Anthropic's schema."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

_SANE: Final = re.compile(r"[a-zA-Z0-9_-]+")
_WRAPPED: Final = "toolu_kimi_"


def outward(call_id: str) -> str:
    """`call_id` as Anthropic's clients may have it."""
    if _SANE.fullmatch(call_id) and not call_id.startswith(_WRAPPED):
        return call_id
    return _WRAPPED + urlsafe_b64encode(call_id.encode(errors="replace")).decode().rstrip("=")


def inward(call_id: str) -> str:
    """The id behind one that a client has sent back."""
    if not call_id.startswith(_WRAPPED):
        return call_id
    wrapped = call_id.removeprefix(_WRAPPED)
    try:
        return urlsafe_b64decode(wrapped + "=" * (-len(wrapped) % 4)).decode()
    except ValueError:  # it is somebody else's
        return call_id
