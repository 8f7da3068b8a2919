"""How a key stands with its limits, in the headers that OpenAI's clients read, and in those of Anthropic's.

Of a limit there is how much it is, how much is left, and when all of it is there again: at OpenAI as a length of time
that Go would write, at Anthropic as a time. Both are rounded up, so that nobody comes too early.
Of requests at the same time nobody knows when one ends, and neither company has such a limit: it has no reset.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kimi.pool.client_limits import Limit, Standing

_NAMES: Final[Mapping[Limit, str]] = {
    Limit.REQUESTS: "requests",
    Limit.TOKENS: "tokens",
    Limit.CONCURRENT: "concurrent",
}


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """How an API calls the headers of a limit, whose name is put in, and tells a time so many seconds from now."""

    most: str
    left: str
    reset: str
    told: Callable[[float, float], str]
    """Of the seconds, and of now in Unix seconds."""

    def of(self, limit: Limit) -> tuple[str, ...]:
        """Those of `limit`, in this order."""
        forms = (self.most, self.left) if limit is Limit.CONCURRENT else (self.most, self.left, self.reset)
        return tuple(each.format(_NAMES[limit]) for each in forms)


def names(form: Form) -> tuple[str, ...]:
    """All headers of a form."""
    return tuple(name for limit in Limit for name in form.of(limit))


def headers(form: Form, standings: Iterable[Standing], age: float, now: float) -> Iterator[tuple[str, str]]:
    """The headers for how a key stood `age` seconds before `now`, which is in Unix seconds."""
    for each in standings:
        figures = [str(each.most), str(each.left)]
        if each.seconds is not None:
            figures.append(form.told(max(each.seconds - age, 0.0), now))
        yield from zip(form.of(each.limit), figures, strict=True)


def duration(seconds: float) -> str:
    """A length of time as Go writes it, without fractions: `12ms`, `1s`, `6m0s`, `23h0m5s`."""
    milliseconds = math.ceil(round(seconds * 1000, 3))
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(math.ceil(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"


def _time(seconds: float, now: float) -> str:
    return datetime.fromtimestamp(math.ceil(now + seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


OPENAI: Final = Form(
    "x-ratelimit-limit-{}", "x-ratelimit-remaining-{}", "x-ratelimit-reset-{}", lambda seconds, _now: duration(seconds)
)
ANTHROPIC: Final = Form(
    "anthropic-ratelimit-{}-limit", "anthropic-ratelimit-{}-remaining", "anthropic-ratelimit-{}-reset", _time
)
