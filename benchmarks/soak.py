"""Steady traffic for a while, with tokens that hardly live and processes that are restarted in between.

    .venv/bin/python -m benchmarks.soak --minutes 10 --lifetime 20

Prints a row a minute and exits with 1 when a single request failed or a refresh token was used twice.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.system.stack import Stack
from tests.system.traffic import Traffic


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--lifetime", type=int, default=20, help="seconds that an access token lives")
    options.add_argument("--accounts", type=int, default=3)
    options.add_argument("--clients", type=int, default=4)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), simulator_options=["--token-lifetime", str(given.lifetime)])
        try:
            stack.start(kimi=given.accounts)
            return soak(stack, Traffic(stack, clients=given.clients), given.minutes)
        finally:
            stack.stop()


def soak(stack: Stack, traffic: Traffic, minutes: float) -> int:
    """Traffic for so many minutes; a restart in each of them."""
    end = time.monotonic() + minutes * 60
    number = 0
    print("| minute | good | failed | refused | exchanges | reused | slowest s | then |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with traffic.running():
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 60))
            number += 1
            totals = stack.simulator.state()["totals"]
            step = restart(stack, number) if end > time.monotonic() + 30 else "the end"
            row = [
                number,
                traffic.good,
                sum(traffic.bad.values()),
                traffic.refused,
                totals["exchanged"],
                totals["reused"],
            ]
            print(f"| {' | '.join(map(str, row))} | {traffic.worst_seconds:.2f} | {step} |", flush=True)
    totals = stack.simulator.state()["totals"]
    print(f"\n{traffic.good} good, failed: {dict(traffic.bad) or 'none'}, reused refresh tokens: {totals['reused']}")
    return 1 if traffic.bad or totals["reused"] else 0


def restart(stack: Stack, number: int) -> str:
    """One kind of restart after the other."""
    kind = number % 3
    if kind == 1:
        stack.refresher.stop()
        stack.refresher.start()
        return "refresher restarted"
    if kind == 2:
        stack.gateway.send(signal.SIGHUP)
        return "gateway's workers replaced"
    stack.gateway.stop()
    stack.gateway.start()
    stack.wait_ready()
    return "gateway restarted"


if __name__ == "__main__":
    sys.exit(main())
