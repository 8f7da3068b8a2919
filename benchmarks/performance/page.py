"""`docs/performance.md`: all that was measured, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.performance import parts
from benchmarks.performance.findings import distance
from benchmarks.performance.plan import DIRECT, EVERYBODY, FLOOR, LITELLM, NAIVE, NGINX, WEB
from benchmarks.performance.tables import Samples, beside, goals, span

PATH: Final = Path(__file__).parents[2] / "docs" / "performance.md"
TITLES: Final[Mapping[str, str]] = {
    NGINX: "nginx, bytes passed through",
    FLOOR: "gevent, bytes passed through",
    "kimi": "gateway, accounts of kind `kimi`",
    "kimi-classic": "gateway, accounts of kind `kimi-classic`",
    "moonshot": "gateway, accounts of kind `moonshot`",
    NAIVE: "Flask, requests, json, on gunicorn's gevent worker",
    LITELLM: "LiteLLM",
    DIRECT: "nothing between",
}
_COSTS: Final = ("event_us", "times_nginx", "request_ms", "requests_per_second", "rest_mb", "stream_kb")
_TIMES: Final = ("first_ms", "first_p99_ms", "calm_ms", "calm_p99_ms", "delay_ms", "delay_p99_ms")
_PAGE: Final = Path(__file__).with_suffix(".md")


def render(samples: Samples, rounds: int, machine: str, failures: Sequence[str]) -> str:
    """The page. Changes `samples`: what stands in relation to nginx and to the upstream itself is worked out here."""
    samples.relate("event_us", NGINX, "times_nginx")
    samples.subtract(("first_ms", "first_p99_ms"), DIRECT)
    text = _PAGE.read_text("utf-8").format(
        rounds=rounds,
        costs=_titled(beside(samples, EVERYBODY, _COSTS)),
        times=_titled(beside(samples, (DIRECT, *EVERYBODY), _TIMES)),
        distance=distance(samples, NGINX, FLOOR, "kimi"),
        parts=parts.table(samples, "kimi") or "Not measured.",
        goals=_titled(goals(samples, ("kimi", "kimi-classic", "moonshot"))),
        workers=span(samples.of("kimi", "two_workers_cpu"), 2),
        redis=_titled(beside(samples, WEB, ("round_trips", "deletion_round_trips"))),
        commands="\n".join(_commands(samples)),
        slow=_titled(beside(samples, WEB, ("slow_kb", "slow_taken_kb", "slow_later_kb"))),
        machine=machine,
        foreign=span(samples.all_of("foreign"), 0),
    )
    if failures:
        text += "\n## What could not be measured\n\n" + "\n".join(f"- {failure}" for failure in failures) + "\n"
    return text


def _commands(samples: Samples) -> list[str]:
    return [
        f"- {TITLES[kind]}: "
        + ", ".join(
            f"{name.removeprefix('redis:')} {span(samples.of(kind, name), 2)}"
            for server, name in samples.values
            if server == kind and name.startswith("redis:")
        )
        for kind in WEB
    ]


def _titled(table: str) -> str:
    for name, title in TITLES.items():
        table = table.replace(f"| {name} |", f"| {title} |")
    return table
