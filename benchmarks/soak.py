"""Steady traffic for a while, with tokens that hardly live and processes that are restarted in between.

    .venv/bin/python -m benchmarks.soak --minutes 10 --lifetime 20
    .venv/bin/python -m benchmarks.soak --minutes 10 --lifetime 20 --chaos
    .venv/bin/python -m benchmarks.soak --minutes 10 --lifetime 20 --chaos --talks --clients 8

Prints a row a minute and exits with 1 when a single request failed or a refresh token was used twice.
With `--chaos` every few seconds something is killed, stopped or cut off (a worker, a gateway, a refresher, Valkey, the
way to it); exits with 1 when more was lost than ran in what was killed, or when anything is left behind at the end.
With `--talks` also when the upstream has not read every word of a conversation once; times are those of whole ones.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import talks
from benchmarks.chaos import Chaos, storm
from benchmarks.ending import run
from benchmarks.talks import Talks
from tests.faults.houses import house
from tests.faults.proxy import Proxy
from tests.system.stack import Stack
from tests.system.traffic import Traffic


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--lifetime", type=int, default=20, help="seconds that an access token lives")
    options.add_argument("--accounts", type=int, default=3)
    options.add_argument("--clients", type=int, default=4)
    options.add_argument("--chaos", action="store_true", help="break something every few seconds")
    options.add_argument("--conversations", type=float, default=1800, help="seconds for which they can be continued")
    options.add_argument("--talks", action="store_true", help="with --chaos: whole conversations, not single questions")
    options.add_argument("--seed", type=int, default=None, help="of the chaos")
    given = options.parse_args()
    if given.talks and not given.chaos:
        options.error("--talks goes with --chaos")
    if given.chaos:
        return chaotic(given)
    with tempfile.TemporaryDirectory() as folder:
        env = {"KIMI_CONVERSATION_SECONDS": str(given.conversations)}
        stack = Stack(Path(folder), env=env, simulator_options=["--token-lifetime", str(given.lifetime)])
        try:
            stack.start(kimi=given.accounts)
            return soak(stack, Traffic(stack, clients=given.clients), given.minutes)
        finally:
            stack.stop()


def chaotic(given: argparse.Namespace) -> int:
    """Two gateways, two refreshers, and everything that can happen to them; the exit code."""
    seed = time.time_ns() if given.seed is None else given.seed
    print(f"--seed {seed}\n")
    with (
        tempfile.TemporaryDirectory() as folder,
        Proxy([]) as way,
        house(
            Path(folder),
            redis_proxy=way,
            refreshers=2,
            env={"KIMI_CONVERSATION_SECONDS": str(given.conversations)},
            simulator_options=["--token-lifetime", str(given.lifetime)],
            kimi=given.accounts,
            kimi_classic=given.accounts,
        ) as home,
    ):
        if given.talks:
            talks.prepare(home.stack)
        traffic = (Talks if given.talks else Traffic)(home.stack, clients=given.clients, url=home.url)
        found = storm(Chaos(home, way, random.Random(seed)), traffic, given.minutes)
        if isinstance(traffic, Talks):
            print(f"what the upstream has read: {dict(traffic.fates)}")
    print("\n".join(found) or "nothing else was lost, nothing is left")
    return 1 if found else 0


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
    sys.exit(run(main))
