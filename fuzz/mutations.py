"""Valid requests made odd: values in JSON exchanged, at any depth, and its text broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol, TypeVar

Option = TypeVar("Option")


class Choose(Protocol):
    """Takes one of several: `random.Random.choice`, or what Hypothesis draws."""

    def __call__(self, options: Sequence[Option], /) -> Option:
        """One of them."""
        ...


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 0.5, -0.0, 1e308, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30),
    *("", " ", "0", "null", "\0", "\n", "\ud800", "a\udfff", "\u202e", "é" * 300, "x" * 70_000, "[[sim {]]", "%s{0}"),
    *(
        "kimi",
        "auto",
        "none",
        "high",
        "http://127.0.0.1:1/",
        "data:image/png;base64,",
        "data:;base64,!!",
        "/etc/passwd",
    ),
    *([], {}, [None], [[]], [{}], {"": None}, {"type": None}, {"type": "object"}, [0] * 300, _nested(60)),
    *({"a": {"b": {"c": [1, "2", None]}}}, {"\ud800": "\ud800"}, {"$ref": "#"}, {"type": "text", "text": 7}),
)
"""What stands where something else is expected."""
TEXTS: Final = (
    *(
        b"",
        b" ",
        b"null",
        b"0",
        b'"',
        b"{",
        b"[",
        b"[]",
        b"{}",
        b"{}{}",
        b'{"a":1}\0',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0",
    ),
    *(b"[" * 100_000, b'{"a":' * 20_000, b"NaN", b'{"model":NaN}', b'{"n":1e999}', b'{"n":-}', b'{"n":01}', b"'{}'"),
    *(b'"' + b"x" * 300_000 + b'"', b"1" * 10_000, b"{" + b'"a":1,' * 30_000 + b'"b":2}', b'{"a":"\xed\xa0\x80"}'),
)
"""Whole bodies that are hardly any."""
_PIECES: Final = (
    b"",
    b"\0",
    b"\xff",
    b'"',
    b"{",
    b"}",
    b"[",
    b",",
    b":",
    b"\\u0000",
    b"\\ud800",
    b"1e999",
    b"NaN",
    b"\n",
)

Path = tuple[str | int, ...]


def paths(value: Any, before: Path = ()) -> Iterator[Path]:
    """Where something stands in it, itself first."""
    yield before
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from paths(part, (*before, key))


def replaced(value: Any, path: Path, odd: Any) -> Any:
    """`value` with something else at a place."""
    if not path:
        return odd
    whole = copy.deepcopy(value)
    at(whole, path[:-1])[path[-1]] = odd
    return whole


def mutated(value: Any, choose: Choose) -> Any:
    """`value` with something exchanged, left out, added, doubled or wrapped in it."""
    everywhere = list(paths(value))
    path = choose(everywhere)
    if not path:
        return choose(ODD)
    whole = copy.deepcopy(value)
    *before, last = path
    parent = at(whole, before)
    match choose(("odd", "odd", "odd", "gone", "other", "wrapped", "added")):
        case "gone":
            del parent[last]
        case "other":
            parent[last] = copy.deepcopy(at(value, choose(everywhere)))
        case "wrapped":
            parent[last] = choose(([parent[last]], {"type": parent[last]}, [parent[last]] * 3, str(parent[last])))
        case "added" if isinstance(parent, dict):
            parent[choose(("", "type", "id", "name", "stream", "metadata", "\ud800", "x" * 300))] = choose(ODD)
        case _:
            parent[last] = choose(ODD)
    return whole


def as_text(value: Any) -> bytes:
    """In JSON; halves of surrogate pairs stay what they are, as escapes."""
    return json.dumps(value).encode()


def broken(text: bytes, choose: Choose) -> bytes:
    """`text` with some of its bytes exchanged, or cut, or something else altogether."""
    if choose((True, False, False)):
        return choose(TEXTS)
    at = choose(range(len(text) + 1))
    return text[:at] + choose(_PIECES) + text[at + choose((0, 1, 1, 5, len(text))) :]


def at(value: Any, path: Sequence[str | int]) -> Any:
    """What stands there in it."""
    for key in path:
        value = value[key]
    return value
