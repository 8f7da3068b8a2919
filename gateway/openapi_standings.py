"""The headers that tell a key with limits how it stands with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.openapi_words import COUNT, TEXT, Json
from gateway.standings import ANTHROPIC, OPENAI

_LIMITS: Final = (
    ("requests", "requests in any 60 seconds", 60, 59),
    ("tokens", "tokens in a day of UTC", 150_000, 149_984),
    ("concurrent", "requests at the same time", 5, 4),
)
_LENGTHS: Final = {"requests": "1m0s", "tokens": "16h20m5s"}
_TIMES: Final = {"requests": "2026-01-01T07:40:55Z", "tokens": "2026-01-02T00:00:00Z"}
_NO_OTHERS: Final = "A key without this limit gets none"


def _headers(form: tuple[str, str, str], reset: str, resets: dict[str, str]) -> Iterator[tuple[str, Json]]:
    most, left, again = form
    for name, what, limit, remaining in _LIMITS:
        yield (
            most.format(name),
            {"description": f"How many {what} the key may have. {_NO_OTHERS}", "schema": COUNT, "example": limit},
        )
        yield (
            left.format(name),
            {"description": "How many of them are left", "schema": COUNT, "example": remaining},
        )
        if name in resets:
            yield again.format(name), {"description": reset, "schema": TEXT, "example": resets[name]}


STANDINGS: Final[Json] = {
    **dict(_headers(OPENAI, "The time until all of them are there again, rounded up", _LENGTHS)),
    **dict(_headers(ANTHROPIC, "When all of them are there again", _TIMES)),
}
