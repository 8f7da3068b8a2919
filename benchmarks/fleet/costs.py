"""What one of each kind of work costs Valkey, by the processor time of its main thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gevent

FIELDS: Final = ("thread", "scripts", "sent", "heard")


@dataclass(frozen=True, slots=True)
class Reading:
    """What Valkey has spent so far: seconds of its main thread and of scripts, bytes to clients and from them."""

    thread: float
    scripts: float
    sent: int
    heard: int

    @classmethod
    def of(cls, client: Any) -> Reading:
        cpu, stats, commands = client.info("cpu"), client.info("stats"), client.info("commandstats")
        return cls(
            cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"],
            commands.get("cmdstat_evalsha", {}).get("usec", 0) / 1e6,
            stats["total_net_output_bytes"],
            stats["total_net_input_bytes"],
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one: microseconds of the main thread, and of these in scripts; bytes to clients and from them."""

    thread: float
    scripts: float = 0.0
    sent: float = 0.0
    heard: float = 0.0

    def divided(self, by: float) -> Cost:
        """For one of `by`."""
        return Cost(*(getattr(self, of) / by for of in FIELDS))

    def less(self, other: Cost, by: float = 1.0) -> Cost:
        """What is left beside `other`, for one of `by`."""
        return Cost(*(max(0.0, getattr(self, of) - getattr(other, of)) / by for of in FIELDS))


def mean(costs: Sequence[Cost]) -> Cost:
    """Of several turns."""
    return Cost(*(sum(getattr(cost, of) for cost in costs) / len(costs) for of in FIELDS))


def cost_of(client: Any, do: Callable[[int], object], times: int, *, at_once: int = 1) -> Cost:
    """What one of `times` costs, of which so many are done at the same time. `do` is given its number."""
    before = Reading.of(client)
    greenlets = [gevent.spawn(_each, do, range(first, times, at_once)) for first in range(at_once)]
    gevent.joinall(greenlets, raise_error=True)
    after = Reading.of(client)
    return Cost(
        (after.thread - before.thread) / times * 1e6,
        (after.scripts - before.scripts) / times * 1e6,
        (after.sent - before.sent) / times,
        (after.heard - before.heard) / times,
    )


def _each(do: Callable[[int], object], numbers: range) -> None:
    for number in numbers:
        do(number)
