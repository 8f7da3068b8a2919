"""How `./dev test` runs every test."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = (
    *("tests/faults", "tests/system", "tests/releases", "tests/browser", "tests/tooling", "tests/monitoring"),
    *("tests/refresher", "tests/clients", "tests/features", "tests/gateway", "tests/kimi", "tests/simulator"),
    "tests/benchmarks",
)
"""Every folder of tests, those first that start processes and wait for them: nobody is kept waiting at the end."""
MOST_WORKERS = 8
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there has a random name and is its maker's alone
ROOM_BYTES = 2**31


def everything(processors: int) -> list[str]:
    """The arguments of pytest for every test: side by side, for most wait; those of a file share what they started."""
    workers = min(3 * processors, MOST_WORKERS)
    return ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder", *TESTS]


@contextmanager
def files_in_memory(memory: Path = MEMORY, room: int = ROOM_BYTES) -> Iterator[dict[str, str]]:
    """Variables that make pytest keep its files in memory, where a system has room there.

    Redis, which has every write on its disk before it answers, waits for seconds where others use that disk as well.
    """
    if not memory.is_dir() or shutil.disk_usage(memory).free < room:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="kimi-tests-", dir=memory, ignore_cleanup_errors=True) as folder:
        yield {"PYTEST_DEBUG_TEMPROOT": folder}
