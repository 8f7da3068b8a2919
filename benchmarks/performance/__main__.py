"""What a request and an event cost, through the gateway and through other servers under the same load.

    .venv/bin/python -m benchmarks.performance
    .venv/bin/python -m benchmarks.performance --litellm --write
    .venv/bin/python -m benchmarks.performance --only steady --only burst --rounds 5
    .venv/bin/python -m benchmarks.performance --quick

The servers take turns within each round, so that what else the machine does hits all of them.
Needs Linux, a C compiler and Debian's `nginx` (left out where it is not installed); LiteLLM is installed into an
environment of its own when it is asked for. Where the time goes is seen by py-spy, which needs to be root or to have
CAP_SYS_PTRACE. `--write` writes `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.building import build
from benchmarks.ending import run
from benchmarks.performance import machine, page, rivals
from benchmarks.performance.house import ROOT, house
from benchmarks.performance.measures import QUICK, Pace
from benchmarks.performance.plan import MEASURES, Plan
from benchmarks.performance.tables import Samples
from benchmarks.performance.turns import Turns


def main() -> int:
    """Run it; the exit code. Where it is interrupted the page is shown as far as it is, and not written."""
    given = _options().parse_args()
    programs = build()
    litellm = rivals.install_litellm() if given.litellm else None
    nginx = rivals.find_nginx()
    if nginx is None:
        print("nginx is not installed and is left out (Debian, Ubuntu: apt-get install nginx-light)", file=sys.stderr)
    plan = Plan(
        given.only or list(MEASURES),
        1 if given.quick else given.rounds,
        QUICK if given.quick else Pace(),
        given.patience,
    )
    samples, failures = Samples(), list[str]()

    def text() -> str:
        return page.render(samples, plan.rounds, machine.describe(nginx), failures)

    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            house(Path(folder), programs, tree=given.tree) as home,
        ):
            Turns(home, nginx, litellm, samples, failures).take(plan)
    except KeyboardInterrupt:
        print("\nstopped; what was measured so far:", file=sys.stderr)
        print(text())
        raise
    found = text()
    print(found)
    if given.write:
        page.PATH.write_text(found, "utf-8")
    return 1 if failures else 0


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", action="append", choices=[*MEASURES], help="may be given several times")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--quick", action="store_true", help="one short round: whether it works, not how fast it is")
    options.add_argument("--patience", type=float, default=0, help="seconds to wait for a quiet machine, each time")
    options.add_argument("--litellm", action="store_true", help=f"compare with {rivals.LITELLM} as well")
    options.add_argument("--write", action="store_true", help=f"write {page.PATH.name}")
    options.add_argument("--tree", type=Path, default=ROOT, help="a checkout whose gateway is measured, not this one's")
    return options


if __name__ == "__main__":
    sys.exit(run(main))
