"""The children of a process."""

from __future__ import annotations

from pathlib import Path


def pids_of_children(pid: int) -> list[int]:
    """Oldest first; on Linux only."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
