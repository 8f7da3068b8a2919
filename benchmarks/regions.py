"""A region is lost amid traffic, and the standby takes over: `python -m benchmarks.regions`.

Two Valkeys, primary and replica with a line between them that takes its time, refreshers, gateways and the simulator,
all on loopback. Each round kills what the way of failing says, promotes the replica, starts the other region's
processes, and counts what was lost.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from benchmarks.ending import run
from devtools.waiting import until
from kimi.pool.replicas import DOUBT_SECONDS
from kimi.pool.store import PREFIX
from tests.children import has_ended
from tests.faults.proxy import Proxy
from tests.system.stack import Stack
from tests.system.traffic import Traffic
from tests.valkey import Valkey

ACCOUNTS = 40
LIFETIME_SECONDS = 6.0
"""So short that some ten exchanges are made a second: a real pool of 40 accounts makes one in 20 s."""
REGION, REDIS = "all of a region", "only its Redis"


@dataclass
class Outcome:
    """What became of a round. Seconds count from the kill; `open` were exchanges that were under way."""

    open: int
    promoted: float
    served: float
    lost: int
    saved: int
    reused: int
    bad: Counter[str] = field(default_factory=Counter)


@dataclass
class Regions:
    """The first region is at work, the second has a replica and nothing else."""

    stack: Stack
    standby: Valkey
    line: Proxy
    """Between the two Valkeys."""
    way: Proxy
    """By which the refreshers reach Redis: what a name or a Sentinel is elsewhere."""
    front: Proxy
    """Where clients come."""

    def accounts(self, valkey: Valkey) -> dict[str, dict[str, str]]:
        with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
            names: Any = client.smembers(f"{PREFIX}accounts")
            return {name: client.hgetall(f"{PREFIX}account:{name}") for name in names}

    def newest(self) -> dict[str, str]:
        """The tokens that Kimi takes now."""
        listed = self.stack.simulator.control("GET", "accounts")
        return {account["name"]: account["refresh_token"] for account in listed}

    def exchanging(self) -> int:
        with redis.Redis.from_url(self.stack.valkey.url) as client:
            return sum(1 for _ in client.scan_iter(f"{PREFIX}lock:*", count=1000))

    def lose(self, what: str) -> int:
        """Kills it at once; how many exchanges were under way."""
        under_way = self.exchanging()
        self.line.refuse()
        self.stack.valkey.kill()
        if what == REGION:
            self.stack.refresher.kill()
            workers = self.stack.gateway.workers()
            self.stack.gateway.kill()
            for worker in workers:  # which would serve on for a moment, with the other region's Redis
                os.kill(worker, signal.SIGKILL)
            until(lambda: all(map(has_ended, workers)), what="nothing of the region is left")
        return under_way

    def promote(self) -> None:
        with redis.Redis.from_url(self.standby.url) as client:
            client.replicaof("NO", "ONE")
        self.way.targets[:] = [("127.0.0.1", self.standby.port)]
        self.way.reset()

    def start_other(self) -> None:
        """Refresher first: what can be exchanged anew is, before requests come. There is no replica to wait for."""
        self.stack.env["REDIS_URL"] = f"redis://{self.way.address}/0"
        refresher, gateway = self.stack.another_refresher("refresher-b"), self.stack.another_gateway("gateway-b")
        self.stack.refreshers.append(refresher)
        self.stack.gateways.append(gateway)
        refresher.start()
        gateway.start()
        self.front.targets[:] = [("127.0.0.1", gateway.port)]
        self.front.reset()

    def rescued(self, lost: set[str]) -> int:
        """How many of them the Redis of the first region has on its disk, when it is started again by itself."""
        self.stack.valkey.start()
        stored, newest = self.accounts(self.stack.valkey), self.newest()
        self.stack.valkey.stop()
        return sum(stored[name]["refresh"] == newest[name] for name in lost)


@contextmanager
def regions(directory: Path, *, delay: float, replicas: int) -> Iterator[Regions]:
    """Both, with `ACCOUNTS` in service; a byte takes `delay` seconds from one region to the other."""
    stack = Stack(directory, workers=1, simulator_options=["--token-lifetime", str(LIFETIME_SECONDS)])
    folder = directory / "standby"
    folder.mkdir()
    standby = Valkey(folder, fsync="everysec")
    stack.valkey.fsync = "everysec"
    with ExitStack() as open_:
        line = open_.enter_context(Proxy([("127.0.0.1", stack.valkey.port)]))
        way = open_.enter_context(Proxy([("127.0.0.1", stack.valkey.port)]))
        front = open_.enter_context(Proxy([("127.0.0.1", stack.gateway.port)]))
        stack.env["REDIS_URL"] = f"redis://{way.address}/0?replicas={replicas}"
        for process in (stack.gateway, stack.refresher):
            process.env["REDIS_URL"] = stack.env["REDIS_URL"]
        open_.callback(stack.stop)
        standby.start()
        open_.callback(standby.stop)
        line.delay(delay)
        stack.valkey.start()
        follow(standby, line.port)
        stack.valkey.stop()
        stack.start(kimi=ACCOUNTS)
        until(lambda: follows(standby), what="the replica follows")
        yield Regions(stack, standby, line, way, front)


def follow(valkey: Valkey, port: int) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.replicaof("127.0.0.1", str(port))


def follows(valkey: Valkey) -> bool:
    with redis.Redis.from_url(valkey.url) as client:
        told: Any = client.info("replication")
        return bool(told.get("master_link_status") == "up")


def one_round(directory: Path, what: str, *, delay: float, replicas: int, dice: random.Random) -> Outcome:
    """Lose it once, and see."""
    with regions(directory, delay=delay, replicas=replicas) as both:
        stack = both.stack
        with Traffic(stack, clients=4, url=f"http://{both.front.address}").running() as traffic:
            until(lambda: traffic.good > 20, what="requests are answered")
            time.sleep(dice.uniform(1, 3))
            began = time.monotonic()
            under_way = both.lose(what)
            good = traffic.good
            both.promote()
            promoted = time.monotonic() - began
            if what == REGION:
                both.start_other()
            until(lambda: traffic.good > good + 4, seconds=60, what="requests are answered again")
            served = time.monotonic() - began
            before = both.accounts(both.standby)
            until(
                lambda: settled(before, both.accounts(both.standby)),
                seconds=60 + DOUBT_SECONDS,  # for which those that live wait for a replica that is not there
                what="each account was exchanged",
            )
        after = both.accounts(both.standby)
        lost = {name for name, values in after.items() if values["state"] != "active"}
        return Outcome(
            under_way, promoted, served, len(lost), both.rescued(lost), stack.simulator.total("reused"), traffic.bad
        )


def settled(before: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> bool:
    """Whether each account has been exchanged since, or is out of service."""
    return all(now[name]["state"] != "active" or now[name]["version"] != before[name]["version"] for name in before)


def main() -> int:
    """Prints one line for each way of failing; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    for what in (REGION, REDIS):
        for delay, replicas in ((0.0, 0), (0.05, 0), (0.05, 1)):
            outcomes = []
            for _ in range(options.rounds):
                with tempfile.TemporaryDirectory(prefix="regions-") as folder:
                    outcomes.append(one_round(Path(folder), what, delay=delay, replicas=replicas, dice=dice))
            sys.stdout.write(told(what, delay, replicas, outcomes) + "\n")
            sys.stdout.flush()
    return 0


def told(what: str, delay: float, replicas: int, outcomes: list[Outcome]) -> str:
    count, slowest = len(outcomes), max(outcome.served for outcome in outcomes)
    bad = sum((outcome.bad for outcome in outcomes), Counter[str]())
    return (
        f"{what} killed, {count} times, {1000 * delay:.0f} ms each way, replicas={replicas}: "
        f"{sum(outcome.lost for outcome in outcomes)} of {count * ACCOUNTS} accounts out of service "
        f"({sum(outcome.open for outcome in outcomes)} exchanges were under way, "
        f"{sum(outcome.saved for outcome in outcomes)} tokens are in the first region's Redis), "
        f"{sum(outcome.reused for outcome in outcomes)} spent tokens shown again, "
        f"answers again after {slowest:.1f} s at most, {sum(bad.values())} requests failed: {kinds(bad)}"
    )


def kinds(bad: Counter[str]) -> dict[str, int]:
    """What failed, without what differs each time."""
    found: Counter[str] = Counter()
    for fate, times in bad.items():
        found[fate[:3] if fate[:3].isdecimal() else fate.partition(":")[0]] += times
    return dict(found)


if __name__ == "__main__":
    sys.exit(run(main))
