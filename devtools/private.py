"""Files that hold secrets, or what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def private(path: Path) -> Path:
    """The file at `path`, which is made where there is none. From now on nobody but its owner can open it."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path
