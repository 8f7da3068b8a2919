"""Files that live as long as the process and are written often: in memory where the system allows it.

Nothing here may import prometheus_client: it looks for the directory when it is imported.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import IO, Final

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the directory through which workers share their figures."""
_PREFIX: Final = "kimi-gateway-"
_LOCK: Final = "lock"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - its files get random names and are ours alone


def in_memory(folder: Path = _MEMORY) -> str | None:
    """A folder whose files touch no disk, None where the system has none."""
    return str(folder) if os.access(folder, os.W_OK | os.X_OK) else None


def share_figures(environ: MutableMapping[str, str], folder: str | None) -> None:
    """Names the directory in `environ`, unless the operator did: a new one inside `folder`. It is not made yet."""
    if not environ.get(DIRECTORY):
        environ[DIRECTORY] = str(Path(folder or tempfile.gettempdir(), f"{_PREFIX}{secrets.token_hex(8)}"))


def claim_figures(environ: Mapping[str, str]) -> IO[bytes]:
    """Makes the directory be there and empty, so that nothing is told of an earlier life.

    As long as the file that is returned is open, here or in a child, nobody takes the directory for left behind.
    """
    directory = Path(environ[DIRECTORY])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink(missing_ok=True)
    unclaimed = directory / f"{_LOCK}.new"
    lock = unclaimed.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    unclaimed.rename(directory / _LOCK)  # it is never seen without being held
    return lock


def sweep_figures(folder: str | None) -> None:
    """Removes the directories of gateways that were killed."""
    for directory in Path(folder or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            with (directory / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use, or another user's
            continue
        shutil.rmtree(directory, ignore_errors=True)


def remove_figures(environ: Mapping[str, str]) -> None:
    """Removes the directory if it was made here."""
    directory = Path(environ[DIRECTORY])
    if directory.name.startswith(_PREFIX):
        shutil.rmtree(directory, ignore_errors=True)
