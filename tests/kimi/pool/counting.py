"""How often Redis is asked, and what it does then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from kimi.pool import Store

MOST: Final = 1_000
"""Commands of one script, at the worst: they take about a millisecond."""


class Counting(Store):
    """One that counts its round trips: scripts, single commands and pipelines."""

    trips = 0

    def run(self, name: str, *args: str | float) -> Any:
        self.trips += 1
        return super().run(name, *args)

    def guarded(self) -> Any:
        self.trips += 1
        return super().guarded()


def commands(client: Any, do: Callable[[], object]) -> Counter[str]:
    """Which commands are run meanwhile, within scripts too, and how often each."""
    client.config_resetstat()
    do()
    stats = client.info("commandstats")
    counted = Counter({name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()})
    del counted["config|resetstat"]
    return counted
