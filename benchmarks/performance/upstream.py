"""The upstream of all servers that are compared, and how it is told what to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from benchmarks.ending import Unmeasured


class UpstreamGone(Unmeasured):
    """The upstream has ended, or has too much to do."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An answer: so many events, so many microseconds between two of them, so many bytes of text more in each.

    Without an interval all come at once, each in a write of its own.
    """

    events: int = 10
    interval_us: int = 0
    filling: int = 0

    @property
    def question(self) -> str:
        """The text that has the upstream answer so."""
        return f"bench:events={self.events},interval={self.interval_us},bytes={self.filling}"

    @property
    def seconds(self) -> float:
        """How long an answer takes."""
        return self.events * self.interval_us / 1e6


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where it listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def figures(self) -> dict[str, int]:
        """What it has done so far: connections, requests, streams, events, bytes. Raises `UpstreamGone`."""
        try:
            found: dict[str, Any] = requests.get(f"{self.url}/figures", timeout=10).json()
        except requests.RequestException as error:
            raise UpstreamGone(f"the upstream does not answer: {type(error).__name__}") from error
        return {name: int(value) for name, value in found.items()}
