"""What was asked of the pool, over all workers: today by account and by client, and over time.

`kimi.pool.counts` is where it comes from. Days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from kimi.pool.durations import Quantiles, quantiles
from kimi.pool.scanning import scan
from kimi.pool.store import Store, to_ms

MOST_CHANGED: Final = 1_000
"""Names whose figures have changed that are told at once."""
_DAY: Final = 86_400


class Span(StrEnum):
    """How far back a series goes."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    @property
    def step(self) -> int:
        """The seconds that a point stands for."""
        return _STEPS[self][0]

    @property
    def points(self) -> int:
        """How many points there are."""
        return _STEPS[self][1]


_STEPS: Final = {Span.HOUR: (60, 60), Span.DAY: (600, 144), Span.MONTH: (21_600, 124)}


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of one account, one client, or all of them, today. `last_used` is in Unix seconds, None is never.

    For an account `requests` are all that it was asked, also where another one had to answer in the end, and `errors`
    are those at which it or its upstream failed. For a client, and for all, they are what was asked of the pool, and
    what came to nothing through no fault of the client.
    """

    requests: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    last_used: float | None = None

    def described(self) -> dict[str, int]:
        """As the admin API shows it."""
        return {
            "requests": self.requests,
            "errors": self.errors,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }


NO_TALLY: Final = Tally()


@dataclass(frozen=True, slots=True)
class Changed:
    """Whose figures have changed since some time, up to `at`, in Unix seconds by Redis's clock.

    What changed at that very moment is told again to whoever asks from there on.
    """

    at: float
    accounts: frozenset[str]
    clients: frozenset[str]


@dataclass(frozen=True, slots=True)
class Point:
    """What came to its end in the step from `at` on, in Unix seconds. No quantiles where there is nothing to tell.

    `total` is that of complete answers only.
    """

    at: int
    requests: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_event: Quantiles | None = None
    total: Quantiles | None = None


class Figures:
    """Reads what was counted. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tallies(self, names: Collection[str] | None = None) -> Mapping[str, Tally]:
        """Of the accounts of those names, or of all that were used within a month; those never used are left out."""
        return self._tallies("account", names)

    def tally_of_clients(self, names: Collection[str] | None = None) -> Mapping[str, Tally]:
        """The same of clients: by the id of a key that was created, otherwise by what the log calls them."""
        return self._tallies("client", names)

    def today(self) -> Tally:
        """Of all together."""
        return self._tallies("all", ("",)).get("", NO_TALLY)

    def changed_since(self, when: float) -> Changed:
        """Whose figures have changed since `when`: 0, or what the last answer to this was `at`; the oldest first.

        At most `MOST_CHANGED` of them.
        """
        at, *members = self._store.run("figures_changed", to_ms(when), MOST_CHANGED)
        pairs = [member.split(" ", 1) for member in members]
        accounts, clients = (frozenset(name for of, name in pairs if of == kind) for kind in ("account", "client"))
        return Changed(int(at) / 1000, accounts, clients)

    def points(self, span: Span) -> list[Point]:
        """One for each step of `span`, the latest last, which is not over yet. Where there was nothing it is zeros."""
        step, latest = span.step, int(self._store.now()) // span.step
        steps = range(latest - span.points + 1, latest + 1)
        with self._store.guarded() as redis:
            pipe = redis.pipeline(transaction=False)
            for number in steps:
                pipe.hgetall(self._store.key("figures", str(step), str(number)))
            found = pipe.execute()
        return [_point(number * step, fields) for number, fields in zip(steps, found, strict=True)]

    def _tallies(self, of: str, names: Collection[str] | None) -> dict[str, Tally]:
        today = int(self._store.now()) // _DAY
        rows = self._all(of) if names is None else self._these(of, names)
        return {name: _tally(row, today) for name, row in rows}

    def _all(self, of: str) -> Iterable[tuple[str, str]]:
        """In several steps, as there may be thousands; some may come twice."""
        for rows in scan(self._store, "hscan", "figures", of):
            yield from rows.items()

    def _these(self, of: str, names: Collection[str]) -> Iterable[tuple[str, str]]:
        if not names:
            return
        with self._store.guarded() as redis:
            rows = redis.hmget(self._store.key("figures", of), list(names))
        yield from ((name, row) for name, row in zip(names, rows, strict=True) if row is not None)


def _tally(row: str, today: int) -> Tally:
    day, requests, errors, prompt, completion, last = orjson.loads(row)
    if day != today:
        return Tally(last_used=last / 1000)
    return Tally(requests, errors, prompt, completion, last / 1000)


def _point(at: int, fields: Mapping[str, Any]) -> Point:
    if not fields:
        return Point(at)
    counts = {field: int(value) for field, value in fields.items()}
    durations: dict[str, dict[int, int]] = {"f": {}, "t": {}}
    for field, count in counts.items():
        if field[0] in durations and field[1:]:
            durations[field[0]][int(field[1:])] = count
    return Point(
        at,
        counts.get("requests", 0),
        counts.get("errors", 0),
        counts.get("prompt", 0),
        counts.get("completion", 0),
        quantiles(durations["f"]),
        quantiles(durations["t"]),
    )
