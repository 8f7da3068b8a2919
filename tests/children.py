"""The children of a process."""

from __future__ import annotations

from pathlib import Path


def pids_of_children(pid: int) -> list[int]:
    """Oldest first; on Linux only."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def has_ended(pid: int) -> bool:
    """Whether nothing of a process runs, be it that nobody has waited for it; on Linux only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
