"""How a benchmark ends: with its exit code, with a line that says why it cannot run, or where it was interrupted."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from devtools.valkey import ServerMissing


class Unmeasured(Exception):
    """Something cannot be measured; the text says why, and what to do."""


def run(main: Callable[[], int]) -> int:
    """The exit code of `main`: 1 and a line where something is missing, 130 after Ctrl-C or SIGTERM.

    SIGTERM ends what `main` has started, as Ctrl-C does.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return main()
    except (Unmeasured, ServerMissing) as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
