"""Sentences that the figures say. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.performance.tables import FIGURES, Samples


def distance(samples: Samples, nginx: str, floor: str, ours: str) -> str:
    """How far an event is from what nginx takes, and what of that is Python's and gevent's; one sentence a line.

    Nothing where one of the three was not measured.
    """
    passing, least, cost = (samples.median(server, "event_us") for server in (nginx, floor, ours))
    least_times, times = (samples.median(server, "times_nginx") for server in (floor, ours))
    if not passing or not least or not cost or not least_times or not times:
        return ""
    goal = FIGURES["times_nginx"].goal or 1.0
    said = f"An event costs {times:.2f} times what nginx takes for passing its bytes through."
    if times <= goal:
        return said
    floor_said = (
        f"The least that a greenlet in Python can do with it, one `recv` and one `send` without looking at the bytes "
        f"(`benchmarks/performance/floor.py`), takes {least_times:.2f} times as much as nginx: {least:.1f} µs."
    )
    return "\n".join((said, floor_said, *_rest(passing, least, cost, goal)))


def _rest(passing: float, least: float, cost: float, goal: float) -> Iterator[str]:
    left = goal * passing - least
    room = f"leave {left:.1f} µs" if left > 0 else "leave nothing"
    yield (
        f"So {goal:g} times nginx, {goal * passing:.1f} µs, would {room} for what a gateway is for: to read and check "
        f"the upstream's dialect, to count, and to write another dialect."
    )
    yield (
        f"That takes {cost - least:.1f} µs here, {(cost - least) / cost:.0%} of an event; "
        f"nginx, which does nothing of it, has all of its code compiled."
    )
