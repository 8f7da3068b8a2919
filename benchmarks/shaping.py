"""What it costs to hold answers to their limits and to turn their citation marks into links.

    .venv/bin/python -m benchmarks.shaping

Prints a row a kind of answer: events a second as they come from an upstream and as they leave the shaping, measured in
turns, and what an event costs more. It judges nothing: machines differ.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice

from gateway.shaping import Shape, shape
from kimi.accounts import Kind
from kimi.chat import Chat, Limits
from kimi.events import Event, Finish, Source, Sources, Text

CHINESE = ("月亮绕着", "地球转，", "大约二十七天", "。\n")
ENGLISH = ("The moon", " goes around", " the earth", " in about", " twenty-seven", " days.\n")
CODE = ("```python\n", "def", " turn(", "moon: list[int]", ") -> None:\n", "    `x`", "\n```\n")
MARKED = ("The moon", "[^1", "^]", " turns", "\ue3a0cite\ue3a3web:1#0\ue3a8", ".")
FOUND = Sources((Source("1", "https://moon.example/"), Source("web:1#0", "https://tides.example/")))
ANSWERS: Sequence[tuple[str, Sequence[str], Limits]] = (
    ("Chinese", CHINESE, Limits()),
    ("English", ENGLISH, Limits()),
    ("code", CODE, Limits()),
    ("every third event a citation", MARKED, Limits()),
    ("Chinese, two stops", CHINESE, Limits(stop=("\nUser:", "###"))),
    ("English, two stops", ENGLISH, Limits(stop=("\nUser:", "###"))),
    ("Chinese, far from max_tokens", CHINESE, Limits(tokens=100_000)),
    ("Chinese, up to max_tokens", CHINESE, Limits(tokens=2_100)),
    ("English, far from max_tokens", ENGLISH, Limits(tokens=100_000)),
    ("English, up to max_tokens", ENGLISH, Limits(tokens=2_100)),
)


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=1_000, help="in an answer")
    options.add_argument("--pairs", type=int, default=200, help="so often each is measured")
    given = options.parse_args()
    print("| answer | events/s as they come | events/s shaped | ns more an event |")
    print("| --- | --- | --- | --- |")
    for name, texts, limits in ANSWERS:
        plain, cost = measured(texts, limits, given.events, given.pairs)
        print(f"| {name} | {1e9 / plain:,.0f} | {1e9 / cost:,.0f} | {cost - plain:,.0f} |", flush=True)
    return 0


def measured(texts: Sequence[str], limits: Limits, count: int, pairs: int) -> tuple[float, float]:
    """Median nanoseconds for an event, as it comes and shaped."""
    found = [FOUND] if texts is MARKED else []
    events: list[Event] = [*found, *(Text(text) for text in islice(cycle(texts), count)), Finish("stop")]
    chat = Chat(model="kimi", messages=(), limits=limits)
    came, went = [], []
    for _ in range(pairs):
        came.append(nanoseconds(lambda: upstream(events)) / count)
        went.append(nanoseconds(lambda: shaped(upstream(events), shape(chat, Kind.KIMI))) / count)
    return statistics.median(came), statistics.median(went)


def upstream(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """An upstream that costs next to nothing and brings one event a read."""
    return ([event] for event in events)


def shaped(batches: Iterable[Sequence[Event]], shape: Shape) -> Iterator[Sequence[Event]]:
    """What a client has of them, up to the end."""
    for batch in batches:
        shown = shape(batch)
        yield shown
        if shown and isinstance(shown[-1], Finish):
            return


def nanoseconds(begin: Callable[[], Iterable[Sequence[Event]]]) -> int:
    """For reading a stream to its end."""
    begun = time.perf_counter_ns()
    deque(begin(), maxlen=0)
    return time.perf_counter_ns() - begun


if __name__ == "__main__":
    sys.exit(main())
