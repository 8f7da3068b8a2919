"""`python -m refresher`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from kimi import logs, settings
from kimi.startup import reporting
from refresher import process
from refresher.settings import RefresherSettings


def main(argv: Sequence[str]) -> int:
    """Read the settings and run; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m refresher", description="Keeps every account's token fresh.")
    parser.add_argument("--check", action="store_true", help="only say whether it would start")
    options = parser.parse_args(argv)
    with reporting("refresher"):
        loaded = settings.load(RefresherSettings)
        if options.check:
            sys.stdout.write(f"refresher: {process.check(loaded)}\n")
            return 0
        logs.configure(loaded.log_level, loaded.log_format)
        return process.run(loaded)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
