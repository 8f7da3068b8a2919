"""gunicorn's master, taught that a worker that drains is none any more.

What gunicorn's own does differently:

- It counts a worker until its process has ended: whatever dies beside one that drains is not replaced meanwhile.
- When it reloads it waits for the workers of before, and neither hears SIGTERM nor replaces anything meanwhile.
- It ends a worker by a signal alone, which says nothing of the others, and is lost where the worker has only begun.
"""

from __future__ import annotations

import math
import signal
from typing import TYPE_CHECKING, Final

from gunicorn.arbiter import Arbiter

if TYPE_CHECKING:
    from gateway.server.worker import Worker

DRAINING: Final = 4
"""As long as no more than so many times the number of workers drain that nobody has told to, others take their places
at once.

Each keeps its memory meanwhile, and a mistake that all of them meet would have one after the other end.
"""


class Master(Arbiter):  # type: ignore[misc]
    """Keeps as many workers serving as it is told to, beside those that drain."""

    WORKERS: dict[int, Worker]
    num_workers: int

    def manage_workers(self) -> None:
        """Starts and ends workers, so that there are `num_workers` that serve."""
        serving = sorted((each for each in self.WORKERS.values() if not each.ending.begun), key=lambda each: each.age)
        by_themselves = sum(each.ending.begun and not each.is_told for each in self.WORKERS.values())
        if by_themselves <= DRAINING * self.cfg.workers:
            for _ in range(self.num_workers - len(serving)):
                self.spawn_worker()
        for worker in serving[: max(0, len(serving) - self.num_workers)]:
            self.kill_worker(worker.pid, signal.SIGTERM)
        for worker in self.WORKERS.values():
            if worker.ending.begun:
                worker.age = math.inf  # a reload waits for those that are no younger than the last one of before

    def kill_worker(self, pid: int, sig: int) -> None:
        """Signals one. SIGTERM is noted as well."""
        worker = self.WORKERS.get(pid)
        if worker is not None and sig == signal.SIGTERM:
            worker.is_told = True
            worker.ending.begin()
        super().kill_worker(pid, sig)

    def stop(self, graceful: bool = True) -> None:
        """Ends all workers, and with them the gateway, unless another master has its sockets too."""
        for worker in self.WORKERS.values():
            worker.ending.begin(whole=self.reexec_pid == self.master_pid == 0)
        super().stop(graceful)
