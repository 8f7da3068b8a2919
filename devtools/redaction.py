"""Making a recording fit to be shown: secrets and names are overwritten in place, so that no length changes.

Streams are cut anywhere, and some count their bytes: what is redacted has to be as long as it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_SECRETS: Final = re.compile(
    rb"eyJ[\w-]+(?:\.[\w-]*){0,2}"  # JWT, whole or cut
    rb"|\bsk-[\w-]{4,}"  # API key
    rb"|\b(?:org|ak|proj|key)-[\w-]{6,}"  # ids in the official platform's texts
    rb"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # mail address
    rb"|(?<!\d)(?:\+?86[ -]?)?1[3-9]\d{9}(?!\d)"  # telephone number in China
    rb"|\+\d{1,3}[ -]?\d[\d -]{6,14}\d"  # and elsewhere
)
_PERSONAL: Final = re.compile(
    rb'"(?i:(?:access|refresh|id)_?token|user_?(?:id|name)|nick_?name|real_?name|avatar(?:_?url)?|phone(?:_?number)?|mobile'
    rb"|email|device_?id|space_?id|ssid|union_?id|open_?id|organi[sz]ation(?:_?id)?|session_?id|traffic_?id|api_?key"
    rb')"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|(\d+))'
)
_SIGNED: Final = re.compile(rb'https?://[^\s"\\?<>]+\?([^\s"\\<>]*(?i:sign|token|secret|credential)[^\s"\\<>]*)')
_SHORTEST: Final = 6  # a shorter text could stand anywhere by chance
_NOT_ASCII: Final = re.compile(rb"[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3}")
_FILLER: Final = {2: "é".encode(), 3: "某".encode(), 4: "🙂".encode()}  # by bytes


def redact(data: bytes, known: Collection[str] = ()) -> bytes:
    """`data` without tokens, keys, addresses, telephone numbers and what names a person or an account.

    `known` are texts that are to vanish wherever they stand.
    """
    for text in sorted((text for text in known if len(text) >= _SHORTEST), key=len, reverse=True):
        data = data.replace(text.encode(), _masked(text.encode()))
    data = _SECRETS.sub(lambda found: _masked(found[0]), data)
    data = _PERSONAL.sub(_without_value, data)
    return _SIGNED.sub(lambda found: found[0][: found.start(1) - found.start()] + _masked(found[1]), data)


def _masked(secret: bytes) -> bytes:
    return re.sub(rb"[A-Za-z]", b"x", re.sub(rb"\d", b"1", secret))


def _without_value(found: re.Match[bytes]) -> bytes:
    text, number = found[1], found[2]
    head = found[0][: found.start(2 if text is None else 1) - found.start()]
    if text is None:
        return head + b"1" * len(number)
    return head + _NOT_ASCII.sub(lambda found: _FILLER[len(found[0])], re.sub(rb"[\x00-\x7f]", b"x", text)) + b'"'
