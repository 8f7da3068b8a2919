"""A store that counts how often Redis is asked."""

from __future__ import annotations

from typing import Any

from kimi.pool import Store


class Counting(Store):
    """One that counts its round trips: scripts, single commands and pipelines."""

    trips = 0

    def run(self, name: str, *args: str | float) -> Any:
        self.trips += 1
        return super().run(name, *args)

    def guarded(self) -> Any:
        self.trips += 1
        return super().guarded()
