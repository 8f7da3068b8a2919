"""What a message looks like without what it says: keys, types and lengths, never a value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice

MOST = 400
"""Characters of a shape; what is beyond is cut off."""

_KEY = re.compile(r"[A-Za-z_][A-Za-z_]{0,39}\d{0,2}", re.ASCII)
_DEEPEST = 6
_KEYS = 24


def shape(value: object) -> str:
    """`{"text": "你好", "n": [1, 2]}` as `{text: text(2), n: [2 × number]}`."""
    found = _shape(value, _DEEPEST)
    return found if len(found) <= MOST else f"{found[: MOST - 1]}…"


def _shape(value: object, depth: int) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return f"text({len(value)})"
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        fields = [f"{_key(key)}: {_shape(inner, depth - 1)}" for key, inner in islice(value.items(), _KEYS)]
        return "{" + ", ".join([*fields, "…"] if len(value) > _KEYS else fields) + "}"
    if isinstance(value, Sequence):
        return f"[{len(value)} × {_shape(value[0], depth - 1)}]" if value else "[]"
    return type(value).__name__


def _key(key: object) -> str:
    """A key that does not look like a name may be an id."""
    return key if isinstance(key, str) and _KEY.fullmatch(key) else "(key)"
