"""The head of a request as bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from kimi.http import HEADERS

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # but for tabs, and the ends of our own lines
_EMPTY_BODIES: Final = frozenset({"GET", "HEAD"})
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})


def head(
    method: str, target: str, own: Mapping[str, str], headers: Mapping[str, str], size: int | None
) -> tuple[bytes, bool]:
    """The head, and whether it asks for a connection of its own.

    `own` are headers that the route asks for, `size` is that of the body in bytes.
    Raises ValueError for what could not be said, or would say something else.
    """
    if not _is_token(method):
        raise ValueError("no method")
    if " " in target:
        raise ValueError("no target")
    lines = [f"{method} {target} HTTP/1.1"]
    closes = False
    names = set()
    for name, value in headers.items():
        small = name.lower()
        names.add(small)
        if small in _FRAMING:  # said below, as it is
            continue
        if not _is_token(name):
            raise ValueError("no header")
        closes = closes or (small == "connection" and "close" in value.lower())
        lines.append(f"{name}: {value}")
    lines[1:1] = [f"{name}: {value}" for name, value in {**own, **HEADERS}.items() if name.lower() not in names]
    if size is not None or method not in _EMPTY_BODIES:
        lines.append(f"Content-Length: {size or 0}")
    lines += ("", "")
    text = "\n".join(lines)
    if text.count("\n") != len(lines) - 1 or _CONTROL.search(text):
        raise ValueError("a control character")
    return text.replace("\n", "\r\n").encode("latin-1"), closes


@lru_cache(maxsize=256)
def _is_token(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None
