"""Found by every Python process that has this folder on its path: tells who asks with a signal of its greenlets.

It stands outside the product, which has no use for it.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

FOLDER = os.environ.get("GREENLETS_FOLDER")


def tell(_number: int, _frame: Any) -> None:
    """Writes the names of all greenlets, in one piece."""
    from tests import greenlets  # noqa: PLC0415 - imports gevent, which the product has to patch first

    told = Path(str(FOLDER), f"{os.getpid()}.greenlets")
    unfinished = told.with_suffix(".unfinished")
    unfinished.write_text(json.dumps([greenlets.name(each) for each in greenlets.alive()]), "utf-8")
    unfinished.rename(told)


if FOLDER:
    signal.signal(signal.SIGRTMIN, tell)
