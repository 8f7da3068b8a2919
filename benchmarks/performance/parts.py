"""Which part of the gateway takes how much of an event and of a request."""

from __future__ import annotations

from benchmarks.flames.recording import LOADS, record
from benchmarks.flames.stacks import TITLES, shares
from benchmarks.performance.calm import settle
from benchmarks.performance.house import House
from benchmarks.performance.measures import Figures, Pace
from benchmarks.performance.servers import Server
from benchmarks.performance.tables import Samples, markdown

_WINDOWS = 6
"""So often the time of other measures: a part of a hundredth needs some thousand samples."""


def parts(house: House, server: Server, pace: Pace) -> Figures:
    """By load and part, the microseconds of CPU of one event or request. Raises `NotRecorded`."""
    figures: dict[str, float] = {}
    for what in LOADS:
        settle(house)
        recording = record(house, server, what, pace.window * _WINDOWS)
        figures[f"foreign:{what}"] = recording.foreign
        for name, share in shares(recording.stacks).items():
            figures[f"{what}:{name}"] = share * recording.cost_us
    return figures


def table(samples: Samples, server: str) -> str:
    """A row a part; nothing where it was not measured."""
    found = {name: [samples.median(server, f"{what}:{name}") for what in LOADS] for name in TITLES}
    rows = [[TITLES[name], *map(_shown, values)] for name, values in found.items() if any(values)]
    if not rows:
        return ""
    sums = [sum(filter(None, values)) for values in zip(*found.values(), strict=True)]
    return markdown([["", "an event, µs", "a request of 10 events, µs"], *rows, ["all", *map(_shown, sums)]])


def _shown(value: float | None) -> str:
    return "—" if value is None else f"{value:,.1f}"
