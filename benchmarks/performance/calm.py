"""Waiting until what was measured last is over, and until nobody else needs the processor."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.performance import processes
from benchmarks.performance.house import House

LONGEST_SECONDS: Final = 40.0
STILL_SECONDS: Final = 6.0
"""Chats that are still there after so long in which none was deleted will stay: longer than a first chat stays."""
QUIET_SHARE: Final = 0.15
_LOOK_SECONDS: Final = 0.3


def settle(house: House) -> None:
    """Returns when the chats of all answers are deleted, or nothing more happens to them."""
    begun = since = time.monotonic()
    before = -1
    while time.monotonic() - begun < LONGEST_SECONDS:
        figures = house.upstream.figures()
        left = figures["chats_made"] - figures["chats_deleted"] + figures["streams_open"]
        if left != before:
            before, since = left, time.monotonic()
        if left <= 0 or time.monotonic() - since > STILL_SECONDS:
            return
        time.sleep(0.1)


def wait_for_quiet(house: House, seconds: float) -> None:
    """Returns when the processors are hardly used, at the latest after so long."""
    cores = {*house.server_cores, *house.load_cores}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        busy, started = processes.busy_seconds(cores), time.monotonic()
        time.sleep(_LOOK_SECONDS)
        share = (processes.busy_seconds(cores) - busy) / (time.monotonic() - started) / len(cores)
        if share < QUIET_SHARE:
            return
