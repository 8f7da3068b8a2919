"""Figures of several rounds, and tables of them. Pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Figure:
    """What a figure is called in a table, and how it is written. `goal` is the most it ought to be, or the least."""

    title: str
    digits: int = 2
    goal: float | None = None
    at_least: bool = False

    def meets(self, value: float) -> bool | None:
        """Whether `value`, as it is written, is as good as the goal wants it; `None` without a goal."""
        if self.goal is None:
            return None
        shown = round(value, self.digits)
        return shown >= self.goal if self.at_least else shown <= self.goal


FIGURES: Final[Mapping[str, Figure]] = {
    "event_us": Figure("CPU an event, µs", 1, 40),
    "events_per_second": Figure("events/s", 0),
    "times_nginx": Figure("× nginx", 2, 1.5),
    "request_ms": Figure("CPU a request of 10 events, ms", 3, 0.8),
    "requests_per_second": Figure("requests/s on a core", 0, 1_200, at_least=True),
    "first_ms": Figure("first event added, median, ms", 2, 2.5),
    "first_p99_ms": Figure("first event added, p99, ms", 2, 10),
    "calm_ms": Figure("1,000 streams, 5 events/s: added, median, ms", 2, 0.2),
    "calm_p99_ms": Figure("1,000 streams, 5 events/s: added, p99, ms", 2, 5),
    "delay_ms": Figure("1,000 streams, 20 events/s: added, median, ms", 2, 0.2),
    "delay_p99_ms": Figure("1,000 streams, 20 events/s: added, p99, ms", 2, 5),
    "wrong_of_2000": Figure("2,000 streams: lost or reordered", 0, 0),
    "delay_2000_p99_ms": Figure("2,000 streams: added, p99, ms", 2),
    "rest_mb": Figure("worker at rest, MB", 1, 90),
    "stream_kb": Figure("memory a stream, KB", 1, 25),
    "models_ms": Figure("CPU of /v1/models, ms", 3, 0.25),
    "models_wait_ms": Figure("/v1/models, ms", 3),
    "round_trips": Figure("Redis round trips a request", 1, 2),
    "deletion_round_trips": Figure("and for the deletion of its chat", 1),
    "slow_kb": Figure("memory of a reader that does not read, KB", 1, 256),
    "slow_taken_kb": Figure("what the upstream could send to it, KB", 0),
    "slow_later_kb": Figure("of that a second later, KB", 0),
    "two_workers_times": Figure("requests/s of two workers, × one", 2, 1.8, at_least=True),
    "two_workers_cpu": Figure("CPU a request of two workers, × one", 2),
}


@dataclass(frozen=True, slots=True)
class Samples:
    """What was measured: by server and figure, and then by the number of the round."""

    values: dict[tuple[str, str], dict[int, float]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, server: str, figures: Mapping[str, float], number: int = 0) -> None:
        for name, value in figures.items():
            self.values[server, name][number] = value

    def of(self, server: str, figure: str) -> Sequence[float]:
        """In the order of the rounds; nothing where it was not measured."""
        return tuple(self.values.get((server, figure), {}).values())

    def median(self, server: str, figure: str) -> float | None:
        """Of all rounds; `None` where it was not measured."""
        return statistics.median(found) if (found := self.of(server, figure)) else None

    def all_of(self, figure: str) -> list[float]:
        """Of all servers and rounds, whatever stands behind a colon in the figure's name."""
        return [
            value
            for (_, name), found in self.values.items()
            if name.partition(":")[0] == figure
            for value in found.values()
        ]

    def relate(self, figure: str, to: str, name: str) -> None:
        """A figure of each server as a multiple of that of the server `to` in the same round, under a new name."""
        base = self.values.get((to, figure), {})
        for (server, found), values in list(self.values.items()):
            if found == figure:
                self.add_all(
                    server, name, {number: values[number] / base[number] for number in values if number in base}
                )

    def add_all(self, server: str, figure: str, values: Mapping[int, float]) -> None:
        """A figure of several rounds."""
        for number, value in values.items():
            self.add(server, {figure: value}, number)

    def subtract(self, figures: Iterable[str], server: str) -> None:
        """Take off these figures what `server` has as the first of them, the median of its rounds; and forget it."""
        figures = tuple(figures)
        floor = self.median(server, figures[0]) or 0.0
        for (whose, found), values in list(self.values.items()):
            if whose == server and found in figures:
                del self.values[whose, found]
            elif found in figures:
                self.add_all(whose, found, {number: value - floor for number, value in values.items()})


def span(values: Sequence[float], digits: int) -> str:
    """The median, and behind it the range of the rounds."""
    if not values:
        return "—"
    middle = f"{statistics.median(values):,.{digits}f}"
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})" if len(values) > 1 else middle


def beside(samples: Samples, servers: Iterable[str], figures: Iterable[str]) -> str:
    """A row a server, a column a figure; figures that nobody has are left out."""
    servers = list(servers)
    shown = [name for name in figures if any(samples.of(server, name) for server in servers)]
    if not shown:
        return ""
    rows = [["", *(FIGURES[name].title for name in shown)]]
    rows += [[server, *(span(samples.of(server, name), FIGURES[name].digits) for name in shown)] for server in servers]
    return markdown([row for row in rows if row is rows[0] or any(cell != "—" for cell in row[1:])])


def goals(samples: Samples, servers: Sequence[str]) -> str:
    """A row for each figure that has a goal, a column for each server: what was measured, and if it is met."""
    rows = [["", "goal", *servers]]
    for name, figure in FIGURES.items():
        if figure.goal is None or not any(samples.of(server, name) for server in servers):
            continue
        sign = "≥" if figure.at_least else "≤"
        goal = f"{figure.goal:,.{figure.digits}f}".rstrip("0").rstrip(".") if figure.digits else f"{figure.goal:,.0f}"
        rows.append([figure.title, f"{sign} {goal}", *(_judged(figure, samples.of(one, name)) for one in servers)])
    return markdown(rows)


def _judged(figure: Figure, values: Sequence[float]) -> str:
    if not values:
        return "—"
    meets = figure.meets(statistics.median(values))
    return f"{span(values, figure.digits)} {'✓' if meets else '✗'}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]])
