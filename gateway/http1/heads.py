"""The head of a request as bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from kimi.http import HEADERS

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = bytes({*range(32), 127} - set(b"\t\r\n"))  # but for tabs, and the ends of our own lines
_EMPTY_BODIES: Final = frozenset({"GET", "HEAD"})
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})


def head(
    method: str, target: str, own: Mapping[str, str], headers: Mapping[str, str], size: int | None
) -> tuple[bytes, bool]:
    """The head, and whether it asks for a connection of its own.

    `own` are headers that the route asks for, `size` is that of the body in bytes.
    Raises ValueError for what could not be said, or would say something else.
    """
    if " " in target:
        raise ValueError("no target")
    form = _form(method, tuple(own.items()), tuple(headers))
    said = [f"{start}{headers[name]}" for name, start in form.gaps]
    lines = form.lines
    if size is not None or method not in _EMPTY_BODIES:
        said.append(f"\r\nContent-Length: {size or 0}")
        lines += 1
    raw = f"{method} {target} HTTP/1.1{form.ours}{''.join(said)}\r\n\r\n".encode("latin-1")
    if not raw.count(b"\n") == raw.count(b"\r") == lines or len(raw.translate(None, _CONTROL)) != len(raw):
        raise ValueError("a control character")
    return raw, bool(form.connection) and any("close" in headers[name].lower() for name in form.connection)


@dataclass(frozen=True, slots=True)
class _Form:
    """What heads of `lines` lines have in common that differ in nothing but target and values.

    `ours` are the headers that the caller does not say, `gaps` the names of those that he says, each with what stands
    before its value, and `connection` those among them that say what becomes of the connection.
    """

    lines: int
    ours: str = field(repr=False)
    gaps: tuple[tuple[str, str], ...]
    connection: tuple[str, ...]


@lru_cache(maxsize=256)
def _form(method: str, own: tuple[tuple[str, str], ...], names: tuple[str, ...]) -> _Form:
    small = {name: name.lower() for name in names}
    said = [name for name in names if small[name] not in _FRAMING]  # that is said behind them, as it is
    if not _TOKEN.fullmatch(method):
        raise ValueError("no method")
    if not all(map(_TOKEN.fullmatch, said)):
        raise ValueError("no header")
    ours = {name: value for name, value in {**dict(own), **HEADERS}.items() if name.lower() not in small.values()}
    return _Form(
        len(ours) + len(said) + 2,  # with the first and the last
        "".join(f"\r\n{name}: {value}" for name, value in ours.items()),
        tuple((name, f"\r\n{name}: ") for name in said),
        tuple(name for name in said if small[name] == "connection"),
    )
