"""What a gateway's worker runs, told by itself: nothing outside a process sees its greenlets."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Final

from devtools.waiting import until

WITNESS: Final = Path(__file__).with_name("witness")
PATIENCE_SECONDS: Final = 5.0


def variables(folder: Path) -> dict[str, str]:
    """What a process has to find in its environment to be asked; it writes to `folder`."""
    return {"PYTHONPATH": str(WITNESS), "GREENLETS_FOLDER": str(folder)}


def greenlets(pid: int, folder: Path) -> list[str]:
    """The functions that its greenlets run. Raises ProcessLookupError, and TimeoutError if it says nothing."""
    told = folder / f"{pid}.greenlets"
    told.unlink(missing_ok=True)
    os.kill(pid, signal.SIGRTMIN)
    until(told.exists, seconds=PATIENCE_SECONDS, what=f"the process {pid} tells of its greenlets")
    names: list[str] = json.loads(told.read_text("utf-8"))
    return names
