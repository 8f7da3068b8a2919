"""What a process and all its children have used: processor time and memory, from `/proc`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """The process and everything below it, as far as it lives."""
    found = [pid]
    for parent in found:
        with suppress(FileNotFoundError, ProcessLookupError):
            for task in (_PROC / str(parent) / "task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of the tree so far, to the nanosecond: of every thread that lives."""
    return sum(_nanoseconds(member) for member in tree(pid)) / 1e9


def user_and_kernel(pid: int) -> tuple[int, int]:
    """Ticks that the tree has spent in its own code and in the kernel: for the relation of both, over seconds."""
    fields = [
        text.rpartition(")")[2].split() for member in tree(pid) for text in _texts(iter([_PROC / str(member) / "stat"]))
    ]
    return sum(int(found[11]) for found in fields), sum(int(found[12]) for found in fields)


def resident_bytes(pid: int) -> int:
    """Memory of the tree; what its processes share is counted in each."""
    return sum(_resident(member) for member in tree(pid))


def largest_bytes(pid: int) -> int:
    """Memory of the largest process of the tree: a server's worker."""
    return max(_resident(member) for member in tree(pid))


def worker(master: int) -> int:
    """The one child of gunicorn's master."""
    return tree(master)[1]


def shared_out_bytes(pid: int) -> int:
    """Memory of one process, of which what it shares with others counts in parts (Pss)."""
    return _field(_PROC / str(pid) / "smaps_rollup", "Pss:")


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())


def busy_seconds(cores: Collection[int]) -> float:
    """Time in which these processors have done anything for anybody, to a hundredth of a second."""
    names = {f"cpu{core}" for core in cores}
    ticks = 0
    for line in (_PROC / "stat").read_text().splitlines():
        name, *spent = line.split()
        if name in names:
            user, nice, system, _idle, _waiting, *rest = map(int, spent[:8])
            ticks += user + nice + system + sum(rest)
    return ticks / os.sysconf("SC_CLK_TCK")


def _nanoseconds(pid: int) -> int:
    return sum(int(text.split()[0]) for text in _texts((_PROC / str(pid) / "task").glob("*/schedstat")))


def _resident(pid: int) -> int:
    return _field(_PROC / str(pid) / "status", "VmRSS:")


def _field(path: Path, name: str) -> int:
    """A size that stands in kilobytes; 0 when the process is gone."""
    for text in _texts(iter([path])):
        for line in text.splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def _texts(paths: Iterator[Path]) -> Iterator[str]:
    for path in paths:
        with suppress(FileNotFoundError, ProcessLookupError):
            yield path.read_text()
