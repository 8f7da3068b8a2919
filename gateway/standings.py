"""How a key stands with its limits, in the headers that OpenAI's clients read, and in those of Anthropic's.

Of a limit there is how much it is, how much is left, and when all of it is there again: at OpenAI as a length of time
that Go would write, at Anthropic as a time. Both are rounded up, so that nobody comes too early.
Of requests at the same time nobody knows when one ends, and neither company has such a limit: it has no reset.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from kimi.pool.client_limits import Limit, Standing

Headers = Iterator[tuple[str, str]]

_NAMES: Final[Mapping[Limit, str]] = {
    Limit.REQUESTS: "requests",
    Limit.TOKENS: "tokens",
    Limit.CONCURRENT: "concurrent",
}
OPENAI: Final = ("x-ratelimit-limit-{}", "x-ratelimit-remaining-{}", "x-ratelimit-reset-{}")
ANTHROPIC: Final = (
    "anthropic-ratelimit-{}-limit",
    "anthropic-ratelimit-{}-remaining",
    "anthropic-ratelimit-{}-reset",
)


def names(form: tuple[str, str, str]) -> tuple[str, ...]:
    """All headers of a form."""
    found = (each.format(name) for name in _NAMES.values() for each in form)
    return tuple(name for name in found if name != form[-1].format(_NAMES[Limit.CONCURRENT]))


def openai_headers(standings: Iterable[Standing], age: float) -> Headers:
    """OpenAI's headers for how a key stood `age` seconds ago."""
    for each in standings:
        yield from _figures(each, OPENAI)
        if each.seconds is not None:
            yield OPENAI[-1].format(_NAMES[each.limit]), duration(max(each.seconds - age, 0.0))


def anthropic_headers(standings: Iterable[Standing], age: float, now: float) -> Headers:
    """Anthropic's headers for how a key stood `age` seconds before `now`, which is in Unix seconds."""
    for each in standings:
        yield from _figures(each, ANTHROPIC)
        if each.seconds is not None:
            at = datetime.fromtimestamp(math.ceil(now + max(each.seconds - age, 0.0)), UTC)
            yield ANTHROPIC[-1].format(_NAMES[each.limit]), at.strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """A length of time as Go writes it, without fractions: `12ms`, `1s`, `6m0s`, `23h0m5s`."""
    milliseconds = math.ceil(round(seconds * 1000, 3))
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(math.ceil(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"


def _figures(standing: Standing, form: tuple[str, str, str]) -> Headers:
    name = _NAMES[standing.limit]
    yield form[0].format(name), str(standing.most)
    yield form[1].format(name), str(standing.left)
