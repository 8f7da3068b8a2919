"""The headers that tell a key with limits how it stands with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.openapi_words import COUNT, TEXT, Json
from gateway.standings import ANTHROPIC, OPENAI, Form
from kimi.pool.client_limits import Limit

_LIMITS: Final[Mapping[Limit, tuple[str, int, int]]] = {
    Limit.REQUESTS: ("requests in any 60 seconds", 60, 59),
    Limit.TOKENS: ("tokens in a day of UTC", 150_000, 149_984),
    Limit.CONCURRENT: ("requests at the same time", 5, 4),
}
_LENGTHS: Final = {Limit.REQUESTS: "1m0s", Limit.TOKENS: "16h20m5s"}
_TIMES: Final = {Limit.REQUESTS: "2026-01-01T07:40:55Z", Limit.TOKENS: "2026-01-02T00:00:00Z"}
_NO_OTHERS: Final = "A key without this limit gets none"


def _headers(form: Form, reset: str, resets: Mapping[Limit, str]) -> Iterator[tuple[str, Json]]:
    for limit, (what, most, left) in _LIMITS.items():
        told = f"How many {what} the key may have. {_NO_OTHERS}"
        described: tuple[Json, ...] = (
            {"description": told, "schema": COUNT, "example": most},
            {"description": "How many of them are left", "schema": COUNT, "example": left},
            {"description": reset, "schema": TEXT, "example": resets.get(limit)},
        )
        yield from zip(form.of(limit), described, strict=False)  # the last one is not of each limit


STANDINGS: Final[Json] = {
    **dict(_headers(OPENAI, "The time until all of them are there again, rounded up", _LENGTHS)),
    **dict(_headers(ANTHROPIC, "When all of them are there again", _TIMES)),
}
