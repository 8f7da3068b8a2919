"""What one worker has counted, and bringing it to Redis: all of a second in one step, and none of it twice."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from kimi.events import Usage
from kimi.pool.durations import bucket_of
from kimi.pool.figures import Span
from kimi.pool.store import Store, to_ms

KEEP_SECONDS: Final = 31 * 86_400.0
"""How long figures are kept of an account or client of which nothing more comes."""
MOST_NAMES: Final = 10_000
"""Of so many accounts, and so many clients, is counted what cannot be written yet."""
MOST_STEPS: Final = 180
"""The same for minutes; the oldest of them are given up."""
_A_DELIVERY: Final = 500
"""Names that are written in one step, so that Redis is not held up for long."""
_LIFETIMES: Final = orjson.dumps({str(span.step): to_ms(span.step * (span.points + 1)) for span in Span}).decode()
_STEP: Final = min(span.step for span in Span)

_Rows = dict[str, list[Any]]


class Counts:
    """Counts in memory. To count a request takes a few microseconds and no round trip."""

    def __init__(
        self, clock: Callable[[], float] = time.time, *, most_names: int = MOST_NAMES, most_steps: int = MOST_STEPS
    ) -> None:
        self._clock = clock
        self._most_names = most_names
        self._most_steps = most_steps
        self._accounts: _Rows = {}
        self._clients: _Rows = {}
        self._steps: dict[int, dict[str, int]] = {}

    def asked(self, account: str, *, failed: bool, usage: Usage | None = None) -> None:
        """An account was asked, and `failed`, or took so many tokens."""
        self._add(self._accounts, account, self._clock(), failed, usage)

    def answered(
        self,
        client: str,
        *,
        failed: bool,
        usage: Usage | None = None,
        first_event: float | None = None,
        total: float | None = None,
    ) -> None:
        """A request of a client has ended. Durations are in seconds, None where there is nothing to tell."""
        now = self._clock()
        self._add(self._clients, client, now, failed, usage)
        step = self._step(int(now) // _STEP * _STEP)
        step["requests"] += 1
        step["errors"] += failed
        if usage is not None:
            step["prompt"] += usage.prompt
            step["completion"] += usage.completion
        if first_event is not None:
            bucket = f"f{bucket_of(first_event)}"
            step[bucket] = step.get(bucket, 0) + 1
        if total is not None:
            bucket = f"t{bucket_of(total)}"
            step[bucket] = step.get(bucket, 0) + 1

    def take(self) -> list[str]:
        """All that was counted since the last time, in one or several deliveries."""
        accounts, clients, steps = self._accounts, self._clients, self._steps
        self._accounts, self._clients, self._steps = {}, {}, {}
        rows = [("account", row) for row in _named(accounts)] + [("client", row) for row in _named(clients)]
        deliveries = []
        for start in range(0, len(rows), _A_DELIVERY):
            page = rows[start : start + _A_DELIVERY]
            delivery = {
                "account": [row for of, row in page if of == "account"],
                "client": [row for of, row in page if of == "client"],
                "all": [] if start else _summed(steps, page),
                "steps": [] if start else [[at, counts] for at, counts in steps.items()],
            }
            deliveries.append(orjson.dumps(delivery).decode())
        return deliveries

    def _add(self, rows: _Rows, name: str, now: float, failed: bool, usage: Usage | None) -> None:
        row = rows.get(name)
        if row is None:
            if len(rows) >= self._most_names:
                return
            row = rows[name] = [0, 0, 0, 0, 0]
        row[0] += 1
        row[1] += failed
        if usage is not None:
            row[2] += usage.prompt
            row[3] += usage.completion
        row[4] = to_ms(now)

    def _step(self, at: int) -> dict[str, int]:
        step = self._steps.get(at)
        if step is None:
            if len(self._steps) >= self._most_steps:
                del self._steps[min(self._steps)]
            step = self._steps[at] = {"requests": 0, "errors": 0, "prompt": 0, "completion": 0}
        return step


class Courier:
    """Brings what `counts` holds to Redis.

    What could not be delivered is delivered again, as it was: an answer that was lost makes nothing count twice.
    """

    def __init__(self, store: Store, counts: Counts) -> None:
        self._store = store
        self._counts = counts
        self._sender = secrets.token_hex(8)  # the deliveries of each are numbered
        self._number = 1
        self._waiting: deque[str] = deque()
        self._delivering = threading.Lock()

    def deliver(self) -> None:
        """Writes all there is. Raises `StoreUnavailable`: what is left is kept, and more is counted meanwhile."""
        with self._delivering:
            self._send()
            self._waiting.extend(self._counts.take())
            self._send()

    def _send(self) -> None:
        while self._waiting:
            delivery = self._waiting[0]
            self._store.run("figures_add", self._sender, self._number, to_ms(KEEP_SECONDS), _LIFETIMES, delivery)
            self._number += 1
            self._waiting.popleft()


def _named(rows: _Rows) -> Iterable[list[Any]]:
    return ([name, *row] for name, row in rows.items())


def _summed(steps: dict[int, dict[str, int]], rows: Iterable[tuple[str, list[Any]]]) -> list[list[Any]]:
    """The row of all together, where a request has ended."""
    if not steps:
        return []
    totals = [sum(step[of] for step in steps.values()) for of in ("requests", "errors", "prompt", "completion")]
    return [["", *totals, max(row[-1] for _, row in rows)]]
