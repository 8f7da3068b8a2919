"""What a server has used of the processor, and what others had of it, between two moments."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.performance import processes
from benchmarks.performance.house import House
from benchmarks.performance.servers import Server


@dataclass(frozen=True, slots=True)
class Moment:
    """When it was, the CPU of the server's processes until then, and the work of its processor for anybody; seconds."""

    at: float
    cpu: float
    busy: float


def moment(house: House, server: Server) -> Moment:
    """Now."""
    busy = processes.busy_seconds(house.server_cores)
    return Moment(time.monotonic(), processes.cpu_seconds(server.pid), busy)


def foreign(first: Moment, last: Moment) -> float:
    """How much of its processor others had while the server was measured, in percent."""
    others = (last.busy - first.busy) - (last.cpu - first.cpu)
    return max(0.0, others / (last.at - first.at) * 100)
