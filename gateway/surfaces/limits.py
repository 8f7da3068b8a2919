"""Where a client wants its answer to end: `max_tokens`, `max_completion_tokens` and `stop`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import BadRequest
from kimi.chat import Limits

MOST_STOPS: Final = 16
LONGEST_STOP: Final = 256  # characters
_TOKENS: Final = ("max_tokens", "max_completion_tokens")  # the old name and the new one


def limits(body: Mapping[str, Any]) -> Limits:
    """The limits of a request; of both counts of tokens the smaller one. Raises `BadRequest`."""
    counts = [count for name in _TOKENS if (count := _tokens(body.get(name), name)) is not None]
    return Limits(min(counts, default=None), _stops(body.get("stop")))


def _tokens(value: object, name: str) -> int | None:
    """A whole number, also as a word or with a point, as some clients write it."""
    if value is None:
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:18])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadRequest(f"`{name}` has to be a whole number of tokens, 1 or more.", param=name)
    return value


def _stops(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRequest("`stop` has to be a text or a list of texts.", param="stop")
    stops = tuple(dict.fromkeys(text for text in texts if text))
    if len(stops) > MOST_STOPS or any(len(text) > LONGEST_STOP for text in stops):
        raise BadRequest(
            f"`stop` can hold {MOST_STOPS} texts of {LONGEST_STOP} characters each at the most.", param="stop"
        )
    return stops
