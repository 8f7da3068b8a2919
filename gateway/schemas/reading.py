"""The JSON that a model wrote, as far as it is looked at: neither that nor what is done with it may take a pause."""

from __future__ import annotations

from typing import Any, Final

import orjson

from gateway.schemas import DEEPEST
from gateway.schemas.bounds import MOST_VALUES, extent

MOST_BRACKETS: Final = 50_000
"""So many may open in a text, besides those in its strings: what they open is made without a pause."""


def loads(text: str) -> Any:
    """`text` as JSON. Raises `ValueError`: `orjson.JSONDecodeError` where it is none, another where it is too much."""
    if _opening(text) > MOST_BRACKETS and _opening(_unquoted(text)) > MOST_BRACKETS:
        raise ValueError(f"it has more than {MOST_BRACKETS:,} opening brackets")
    return bounded(orjson.loads(text))


def bounded(value: Any) -> Any:
    """`value` itself. Raises `ValueError` where it has more values than are looked at."""
    if extent(value, DEEPEST).values > MOST_VALUES:
        raise ValueError(f"it has more than {MOST_VALUES:,} values")
    return value


def _opening(text: str) -> int:
    return text.count("{") + text.count("[")


def _unquoted(text: str) -> str:
    """JSON without its strings."""
    return "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
