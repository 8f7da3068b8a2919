"""Fuzz one of the readers, or the whole product over HTTP.

    .venv/bin/python -m fuzz sse --seconds 600
    .venv/bin/python -m fuzz sse --keep
    .venv/bin/python -m fuzz http --requests 20000 --seed 1

`README.md` says what each needs and what becomes of what is found.
"""

from __future__ import annotations

import argparse

from fuzz import guided
from fuzz.corpus import keep, kept
from fuzz.quiet import say_nothing
from fuzz.shrinking import fewest
from fuzz.targets import TARGETS


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("target", choices=[*TARGETS, "http"])
    options.add_argument("--seconds", type=int, default=60, help="of a reader")
    options.add_argument("--requests", type=int, default=2000, help="over HTTP")
    options.add_argument("--seed", type=int, default=1, help="of these")
    options.add_argument("--faults", action="store_true", help="of the upstream's, on top of these")
    options.add_argument("--keep", action="store_true", help="the fewest inputs that go all known ways, for the tests")
    given = options.parse_args()
    if given.target == "http":
        from fuzz import http  # noqa: PLC0415 - it imports what has to be instrumented first where that is fuzzed

        return http.run(given.requests, given.seed, faults=given.faults)
    say_nothing()
    if given.keep:
        inputs = list({*kept(given.target), *guided.breaking(given.target)})
        inputs += fewest(TARGETS[given.target], guided.found(given.target), besides=inputs)
        keep(given.target, inputs)
        print(f"{len(inputs)} inputs are kept")
    else:
        guided.run(given.target, given.seconds)
    return 0


raise SystemExit(main())
