"""Which measures there are, of which servers each is taken, and whether it wants them fresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.performance import gateway_only, measures
from benchmarks.performance.house import House
from benchmarks.performance.measures import Figures, Pace
from benchmarks.performance.redis_use import redis_use
from benchmarks.performance.servers import Server

DIRECT, NGINX, FLOOR, NAIVE, LITELLM = "direct", "nginx", "floor", "naive", "litellm"
WEB = ("kimi", "kimi-classic")
CARRIERS = (NGINX, FLOOR, *WEB, "moonshot", NAIVE)
EVERYBODY = (*CARRIERS, LITELLM)


@dataclass(frozen=True, slots=True)
class Measure:
    """How something is measured, and of whom; `fresh` servers have just been started for it."""

    take: Callable[[House, Server, Pace], Figures]
    of: Sequence[str]
    fresh: bool = False


MEASURES: Final[Mapping[str, Measure]] = {
    "steady": Measure(measures.steady, CARRIERS),
    "steady-few": Measure(measures.steady_few, (LITELLM,)),
    "burst": Measure(measures.burst, EVERYBODY),
    "first": Measure(measures.first_event, (DIRECT, *EVERYBODY)),
    "thousand": Measure(measures.thousand, (DIRECT, *CARRIERS)),
    "thousand-busy": Measure(measures.thousand_busy, (DIRECT, *CARRIERS)),
    "two-thousand": Measure(measures.two_thousand, WEB),
    "models": Measure(gateway_only.models, ("kimi",)),
    "redis": Measure(redis_use, WEB),
    "two-workers": Measure(gateway_only.two_workers, ("kimi",)),
    "memory": Measure(measures.memory, CARRIERS, fresh=True),
    "slow": Measure(gateway_only.slow_readers, WEB, fresh=True),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured, how often and for how long; before each, so many seconds of quiet are waited for."""

    names: Sequence[str]
    rounds: int
    pace: Pace
    patience: float = 0.0
