"""The JSON that a model wrote, as far as it is looked at: neither that nor what is done with it may take a pause."""

from __future__ import annotations

from typing import Any, Final

import orjson

DEEPEST: Final = 100
"""So many levels of a value are looked at."""
MOST_VALUES: Final = 20_000
"""So many are looked at of what a model wrote: nobody answers with more, and all of it is done without a pause."""
MOST_BRACKETS: Final = 50_000
"""So many may open in a text, besides those in its strings: what they open is made without a pause."""


def loads(text: str) -> Any:
    """`text` as JSON. Raises `ValueError`: `orjson.JSONDecodeError` where it is none, another where it is too much."""
    if _opening(text) > MOST_BRACKETS and _opening(_unquoted(text)) > MOST_BRACKETS:
        raise ValueError(f"it has more than {MOST_BRACKETS:,} opening brackets")
    return bounded(orjson.loads(text))


def bounded(value: Any) -> Any:
    """`value` itself. Raises `ValueError` where it has more values than are looked at."""
    if _extent(value)[1] > MOST_VALUES:
        raise ValueError(f"it has more than {MOST_VALUES:,} values")
    return value


def excess(value: Any) -> str:
    """Why nobody looks at `value`; empty where that can be done."""
    levels, values = _extent(value)
    if levels > DEEPEST:
        return f"this is nested more than {DEEPEST} levels deep"
    return f"this has more than {MOST_VALUES:,} values" if values > MOST_VALUES else ""


def _extent(value: Any) -> tuple[int, int]:
    """How many levels and values there are. Where one is more than are looked at the rest is not counted."""
    level, levels, values = [value], 0, 0
    while level and levels <= DEEPEST:
        levels, values = levels + 1, values + len(level)
        if values > MOST_VALUES:
            break
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level = inner
    return levels, values


def _opening(text: str) -> int:
    return text.count("{") + text.count("[")


def _unquoted(text: str) -> str:
    """JSON without its strings."""
    return "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
