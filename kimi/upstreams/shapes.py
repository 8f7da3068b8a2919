"""What a message looks like without what it says: keys, types and lengths, never a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

MOST = 400
"""Characters of a shape; what is beyond is cut off."""

_KEY = re.compile(r"[A-Za-z_][A-Za-z_]{0,39}\d{0,2}", re.ASCII)
_DEEPEST = 6
_KEYS = 24


def shape(value: object) -> str:
    """`{"text": "你好", "n": [1, 2]}` as `{text: text(2), n: [2 × number]}`."""
    found = ""
    for piece in _pieces(value, _DEEPEST):  # no more of them are made than are shown, however wide the value is
        found += piece
        if len(found) > MOST:
            return f"{found[: MOST - 1]}…"
    return found


def _pieces(value: object, depth: int) -> Iterator[str]:
    match value:
        case None:
            yield "null"
        case bool():
            yield "bool"
        case int() | float():
            yield "number"
        case str():
            yield f"text({len(value)})"
        case _ if depth == 0:
            yield "…"
        case Mapping():
            yield "{"
            for place, (key, inner) in enumerate(islice(value.items(), _KEYS)):
                yield f"{', ' if place else ''}{_key(key)}: "
                yield from _pieces(inner, depth - 1)
            yield ", …}" if len(value) > _KEYS else "}"
        case Sequence():
            yield f"[{len(value)} × " if value else "["
            if value:
                yield from _pieces(value[0], depth - 1)
            yield "]"
        case _:
            yield type(value).__name__


def _key(key: object) -> str:
    """A key that does not look like a name may be an id."""
    return key if isinstance(key, str) and _KEY.fullmatch(key) else "(key)"
