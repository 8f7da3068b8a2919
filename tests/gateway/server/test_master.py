"""What the master makes of workers that drain, where it would take minutes; the rest is shown by a real gunicorn."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.server.ending import Ending
from gateway.server.master import DRAINING, Master

WORKERS = 2


class Counting(Master):
    """A master that starts nothing."""

    def __init__(self, draining: int, serving: int) -> None:
        self.cfg = SimpleNamespace(workers=WORKERS)
        self._num_workers = WORKERS
        self.started = 0
        self.WORKERS: dict[int, Any] = {
            pid: SimpleNamespace(pid=pid, age=pid, ending=Ending(), is_told=False) for pid in range(draining + serving)
        }
        for pid in range(draining):
            self.WORKERS[pid].ending.begin()

    def spawn_worker(self) -> None:
        self.started += 1


@pytest.mark.parametrize("draining", [0, 1, DRAINING * WORKERS, DRAINING * WORKERS + 1])
@pytest.mark.parametrize("serving", range(WORKERS + 1))
def test_mistakes_that_all_meet_do_not_fill_the_memory_with_workers_that_drain(draining: int, serving: int) -> None:
    master = Counting(draining, serving)
    master.manage_workers()
    assert master.started == (WORKERS - serving if draining <= DRAINING * WORKERS else 0)


def test_however_many_were_told_to_end_what_dies_is_replaced() -> None:
    master = Counting(draining=DRAINING * WORKERS + 1, serving=0)
    for each in master.WORKERS.values():
        each.is_told = True
    master.manage_workers()
    assert master.started == WORKERS


def test_a_reload_waits_for_nobody_that_drains() -> None:
    master = Counting(draining=3, serving=WORKERS)
    master.manage_workers()
    assert [each.age for each in master.WORKERS.values()] == [math.inf] * 3 + [3, 4]
