"""Refreshers by the hundred: `python -m tests.faults.nursery IN OUT` imports the refresher once, and forks it.

Each child is a process of its own that runs what `python -m refresher` runs; only the second that Python takes to start
is saved.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from devtools import children, tether
from devtools.waiting import until

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[2]


class Nursery:
    """Starts refreshers with `env`; what all of them say goes to the file `log`."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._env = env
        self._alive: set[int] = set()

    def __enter__(self) -> Self:
        orders, ordering = os.pipe()
        hearing, births = os.pipe()
        self._orders, self._births = os.fdopen(ordering, "w"), os.fdopen(hearing)
        with self.log.open("ab") as output:
            self._process: subprocess.Popen[bytes] = children.start(
                [sys.executable, "-m", "tests.faults.nursery", str(orders), str(births)],
                env=self._env,
                cwd=ROOT,
                output=output,
                keep=(orders, births),
            )
        os.close(orders)
        os.close(births)
        return self

    def __exit__(self, *_: object) -> None:
        for pid in list(self._alive):
            self.end(pid, signal.SIGTERM)
        self._orders.close()
        self._process.wait(10)
        self._births.close()

    def start(self) -> int:
        """A new refresher; its process id."""
        self._orders.write("start\n")
        self._orders.flush()
        pid = int(self._births.readline())
        self._alive.add(pid)
        return pid

    def end(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Send the signal, and wait until the process is gone."""
        os.kill(pid, number)
        until(lambda: not tether.alive(pid), seconds=30, what="the refresher is gone")
        self._alive.discard(pid)


def main(orders: int, births: int) -> None:
    """Fork a refresher for every line that comes, and tell its number."""
    import refresher.__main__  # noqa: PLC0415  # only here: whoever uses the nursery does not need it

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    parent = os.getpid()
    with os.fdopen(orders) as lines, os.fdopen(births, "w") as answers:
        for _ in lines:
            assert threading.active_count() == 1, "a fork would copy locks that nobody frees"
            pid = os.fork()
            if not pid:
                tether.ask_kernel(parent)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                code = refresher.__main__.main([])
                sys.stdout.flush()
                os._exit(code)
            answers.write(f"{pid}\n")
            answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
