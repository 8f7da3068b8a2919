"""One random fault after the other, in the real processes, while checked traffic runs."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from devtools.waiting import until
from tests.faults.houses import House
from tests.faults.proxy import Proxy
from tests.system import leaks
from tests.system.traffic import Traffic

PAUSE_SECONDS = (1.0, 5.0)
"""Between two faults."""
OUTAGE_SECONDS = (0.5, 6.0)
"""What is stopped or cut off, is so for so long."""
CUT = ("ConnectionError", "ChunkedEncodingError", "ReadTimeout")
"""What a client sees whose gateway is killed while it answers."""


@dataclass
class Chaos:
    """Breaks one thing at a time and mends it. `way` is the gateways' way to Redis."""

    home: House
    way: Proxy
    dice: random.Random
    done: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    """How often requests may have been cut off, because what answered them was killed."""

    def strike(self) -> str:
        """One fault, and the end of it; what it was."""
        fault: Callable[[], None] = self.dice.choice(
            [
                self._kill_worker, self._stop_worker, self._replace_workers, self._restart_gateway, self._kill_gateway,
                self._kill_refresher, self._stop_refresher, self._restart_refresher,
                self._kill_redis, self._stop_redis, self._partition, self._reset,
            ]
        )  # fmt: skip
        fault()
        name = fault.__name__.strip("_").replace("_", " ")
        self.done[name] += 1
        return name

    def wait(self, span: tuple[float, float] = OUTAGE_SECONDS) -> None:
        time.sleep(self.dice.uniform(*span))

    def _stop(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        self.wait()
        os.kill(pid, signal.SIGCONT)

    def _kill_worker(self) -> None:
        gateway = self.dice.choice(self.home.stack.gateways)
        os.kill(self.dice.choice(gateway.workers()), signal.SIGKILL)
        self.kills += 1
        until(lambda: len(gateway.workers()) == 2, what="a new worker is there")
        gateway.wait_ready()

    def _stop_worker(self) -> None:
        self._stop(self.dice.choice(self.dice.choice(self.home.stack.gateways).workers()))

    def _replace_workers(self) -> None:
        gateway = self.dice.choice(self.home.stack.gateways)
        before = set(gateway.workers())
        gateway.send(signal.SIGHUP)
        until(lambda: len(set(gateway.workers()) - before) == 2, seconds=30, what="new workers are there")
        until(lambda: not set(gateway.workers()) & before, seconds=60, what="the old ones are gone")

    def _restart_gateway(self) -> None:
        gateway = self.dice.choice(self.home.stack.gateways)
        assert gateway.stop(90) == 0
        gateway.start()
        gateway.wait_ready()

    def _kill_gateway(self) -> None:
        gateway = self.dice.choice(self.home.stack.gateways)
        workers = gateway.workers()
        gateway.kill()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        self.kills += len(workers)
        self.wait()
        gateway.start()
        gateway.wait_ready()

    def _kill_refresher(self) -> None:
        refresher = self.dice.choice(self.home.stack.refreshers)
        refresher.kill()
        self.wait()
        refresher.start()

    def _stop_refresher(self) -> None:
        self._stop(self.dice.choice(self.home.stack.refreshers).pid)

    def _restart_refresher(self) -> None:
        refresher = self.dice.choice(self.home.stack.refreshers)
        assert refresher.stop() == 0
        refresher.start()

    def _kill_redis(self) -> None:
        self.home.stack.valkey.kill()
        self.wait()
        self.home.stack.valkey.start()

    def _stop_redis(self) -> None:
        with self.home.stack.valkey.silent():
            self.wait()

    def _partition(self) -> None:
        self.way.freeze()
        self.wait()
        self.way.heal()

    def _reset(self) -> None:
        self.way.reset()


def storm(chaos: Chaos, traffic: Traffic, minutes: float) -> list[str]:
    """Faults for so many minutes; afterwards everything has to be as if there had been none. Says what is not."""
    stack, end = chaos.home.stack, time.monotonic() + minutes * 60
    print("| second | fault | good | cut off | failed | slowest s |\n| ---: | --- | ---: | ---: | ---: | ---: |")
    with traffic.running():
        while time.monotonic() < end:
            chaos.wait(PAUSE_SECONDS)
            fault = chaos.strike()
            cut, failed = split(traffic)
            row = [round(time.monotonic() - end + minutes * 60), fault, traffic.good, cut, sum(failed.values())]
            print(f"| {' | '.join(map(str, row))} | {traffic.worst_seconds:.2f} |", flush=True)
        good = traffic.good
        until(lambda: traffic.good > good + 100, seconds=30, what="it serves as before")
    cut, failed = split(traffic)
    totals = stack.simulator.state()["totals"]
    said = " ".join(refresher.said for refresher in stack.refreshers)
    lost = said.count("was lost on the way")
    print(f"\n{traffic.good} good, {cut} cut off by {chaos.kills} killed workers, failed: {dict(failed) or 'none'}")
    print(f"exchanges: {totals['exchanged']}, answers lost with a killed refresher: {lost}, faults: {dict(chaos.done)}")
    found = [f"failed: {dict(failed)}"] if failed else []
    if cut > chaos.kills * traffic.clients:
        found.append(f"{cut} requests were cut off, more than ran in what was killed")
    if totals["reused"] != lost:
        found.append(f"{totals['reused']} tokens were exchanged twice, {lost} are accounted for")
    stack.orphans = cut  # each may have made a chat that its worker could not note any more
    try:
        until(
            lambda: stack.usable() + lost >= len(stack.simulator.state()["accounts"]),
            seconds=60,
            what="all accounts are usable",
        )
        # What a refresher had taken on when it was killed would else come back after minutes only.
        leaks.wait_for_rest(stack, seconds=90, meanwhile=leaks.make_due)
    except (TimeoutError, AssertionError) as error:
        found.append(str(error))
    return found


def split(traffic: Traffic) -> tuple[int, Counter[str]]:
    """How many requests were cut off with their gateway, and all other failures."""
    cut = sum(count for fate, count in traffic.bad.items() if fate.startswith(CUT))
    return cut, Counter({fate: count for fate, count in traffic.bad.items() if not fate.startswith(CUT)})
