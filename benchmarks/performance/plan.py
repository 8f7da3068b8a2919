"""Which measures there are, of which servers each is taken, and whether it wants them fresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.performance import gateway_only, measures
from benchmarks.performance.house import House
from benchmarks.performance.measures import Figures, Pace
from benchmarks.performance.parts import parts
from benchmarks.performance.redis_use import redis_use
from benchmarks.performance.servers import Server

DIRECT, NGINX, FLOOR, NAIVE, LITELLM = "direct", "nginx", "floor", "naive", "litellm"
WEB = ("kimi", "kimi-classic")
CARRIERS = (NGINX, FLOOR, *WEB, "moonshot", NAIVE)
EVERYBODY = (*CARRIERS, LITELLM)
ONCE: Final = (LITELLM,)
"""Servers that take part in the first round only: so slow that their figures need not be exact."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How something is measured, and of whom; `fresh` servers have just been started for it.

    What does not depend on what else the machine does is measured in one round only.
    """

    take: Callable[[House, Server, Pace], Figures]
    of: Sequence[str]
    fresh: bool = False
    once: bool = False


MEASURES: Final[Mapping[str, Measure]] = {
    "steady": Measure(measures.steady, CARRIERS),
    "steady-few": Measure(measures.steady_few, (LITELLM,), once=True),
    "burst": Measure(measures.burst, EVERYBODY),
    "first": Measure(measures.first_event, (DIRECT, *EVERYBODY)),
    "thousand": Measure(measures.thousand, (DIRECT, *CARRIERS)),
    "thousand-busy": Measure(measures.thousand_busy, (DIRECT, *CARRIERS)),
    "two-thousand": Measure(measures.two_thousand, WEB),
    "parts": Measure(parts, ("kimi",), once=True),
    "models": Measure(gateway_only.models, ("kimi",)),
    "redis": Measure(redis_use, WEB, once=True),
    "two-workers": Measure(gateway_only.two_workers, ("kimi",)),
    "memory": Measure(measures.memory, CARRIERS, fresh=True, once=True),
    "slow": Measure(gateway_only.slow_readers, WEB, fresh=True, once=True),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured, how often and for how long; before each, so many seconds of quiet are waited for."""

    names: Sequence[str]
    rounds: int
    pace: Pace
    patience: float = 0.0
