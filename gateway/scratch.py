"""Files that live as long as the process and are written often: in memory where the system allows it.

Nothing here may import prometheus_client: it looks for the directory when it is imported.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the directory through which workers share their figures."""
_PREFIX: Final = "kimi-gateway-"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - its files get random names and are ours alone


def in_memory(folder: Path = _MEMORY) -> str | None:
    """A folder whose files touch no disk, None where the system has none."""
    return str(folder) if os.access(folder, os.W_OK | os.X_OK) else None


def share_figures(environ: MutableMapping[str, str], folder: str | None) -> None:
    """Names the directory in `environ`, unless the operator did: a new one inside `folder`. It is not made yet."""
    if not environ.get(DIRECTORY):
        environ[DIRECTORY] = str(Path(folder or tempfile.gettempdir(), f"{_PREFIX}{secrets.token_hex(8)}"))


def forget_figures(environ: Mapping[str, str]) -> None:
    """Makes the directory be there and empty, so that nothing is told of an earlier life."""
    directory = Path(environ[DIRECTORY])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink(missing_ok=True)


def remove_figures(environ: Mapping[str, str]) -> None:
    """Removes the directory if it was made here."""
    directory = Path(environ[DIRECTORY])
    if directory.name.startswith(_PREFIX):
        shutil.rmtree(directory, ignore_errors=True)
