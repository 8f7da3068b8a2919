"""What it costs to keep many accounts fresh: real refreshers, a Valkey that writes to disk as it does, a played Kimi.

    .venv/bin/python -m benchmarks.refreshing
    .venv/bin/python -m benchmarks.refreshing --refreshers 3
    .venv/bin/python -m benchmarks.refreshing --refreshers 2 --kill --accounts 4000 --lifetime 300
    .venv/bin/python -m benchmarks.refreshing --cold --accounts 2000 --seconds 120

Accounts begin in the middle of their lives, as many at each age as where refreshers have been at work for long; with
`--cold` none has an access token, and it is measured how long it takes until all have one. Processor time is a share of
one core. `late` is for how long at most a refresh that was due had to wait for its turn, `expired` how many accounts in
service had no good token at some moment. With `--kill` one refresher is killed at the end, and it is measured how long
it takes until others have taken over all that it was about to do. Ends with 1 where a refresh token was used twice
without a refresher having been killed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.ending import run
from benchmarks.performance import processes
from benchmarks.server import deployed
from devtools.waiting import until
from kimi import accounts_file
from kimi.accounts import Kind, Tokens
from kimi.pool import Members, Store, TokenStore, connect
from refresher import schedule
from tests.refresher.running import Refresher
from tests.simulator.running import Simulator
from tests.valkey import Valkey

AT_ONCE: Final = 32
"""Writers while the accounts are put where they begin, each of which waits for the disk."""
FILLED_A_SECOND: Final = 110
"""So many accounts are in their places and known to a refresher a second, at the least."""
LOOK_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 120.0
COLUMNS: Final = (
    "accounts",
    "refreshers",
    "seconds",
    "fresh",
    "exchanges a second (peak)",
    "share of each",
    "CPU of each",
    "CPU of Valkey",
    "late, s",
    "expired",
    "MB",
)


@dataclass
class Sight:
    """What Redis shows of a pool."""

    store: Store
    late: float = 0.0
    expired: int = 0
    rates: list[float] = field(default_factory=list)

    def saved(self) -> int:
        """How many token pairs were stored so far: each waits for the disk once."""
        return int(self.store.redis.info("commandstats").get("cmdstat_waitaof", {}).get("calls", 0))

    def fresh(self) -> int:
        """How many accounts have an access token that is good now."""
        return int(self.store.redis.zcount(self.store.key("usable"), time.time() * 1000, "+inf"))

    def locks(self) -> dict[str, str]:
        """Whose lock each account has that is being refreshed."""
        keys = list(self.store.redis.scan_iter(self.store.key("lock", "*"), count=10_000))
        owners = self.store.redis.mget(keys) if keys else []
        return {key: owner for key, owner in zip(keys, owners, strict=True) if owner}

    def watch(self, over: float, *, enough: int | None = None) -> float:
        """Look until the time is `over`, or until there are `enough` fresh accounts; the seconds that it took."""
        began = time.monotonic()
        before = (began, self.saved())
        while time.monotonic() < over and (enough is None or self.fresh() < enough):
            time.sleep(LOOK_SECONDS)
            first = self.store.redis.zrange(self.store.key("refresh"), 0, 0, withscores=True)
            self.late = max([self.late, *(time.time() - due / 1000 for _, due in first if due > 0)])
            expired = self.store.redis.zcount(self.store.key("usable"), "-inf", time.time() * 1000)
            self.expired = max(self.expired, expired)
            now = (time.monotonic(), self.saved())
            self.rates.append((now[1] - before[1]) / (now[0] - before[0]))
            before = now
        return time.monotonic() - began


def main() -> int:
    """Run it, and print a row; the exit code."""
    given = _options().parse_args()
    with tempfile.TemporaryDirectory() as name, _house(Path(name), given) as (valkey, kimi):
        with connect(valkey.url, timeout=10, connections=AT_ONCE) as redis:
            store = Store(redis)
            begins = 0.0 if given.cold else fill(store, Path(name) / "accounts.yaml", given.lifetime)
            redis.config_set("appendfsync", "everysec")
            with _refreshers(Path(name), valkey, kimi, given) as refreshers:
                if not given.cold:
                    until(lambda: time.time() > begins, seconds=PATIENCE_SECONDS, what="the first account is due")
                measure(Sight(store), refreshers, valkey, given)
                if given.kill:
                    take_over(Sight(store), refreshers)
        totals = kimi.session.get(f"{kimi.url}/_sim/state", timeout=PATIENCE_SECONDS).json()["totals"]
    counts = [totals[figure] for figure in ("exchanged", "concurrent", "reused")]
    print("\n{} exchanges; of one token at once: {}, twice: {}".format(*counts))
    return 1 if totals["concurrent"] or (totals["reused"] and not given.kill) else 0


def measure(sight: Sight, refreshers: Sequence[Refresher], valkey: Valkey, given: argparse.Namespace) -> None:
    """Look at the refreshers while they work, and print a row."""
    pids = [_pid(refresher) for refresher in refreshers]
    assert valkey.process is not None
    watched = [*pids, valkey.process.pid]
    saved, cpu = sight.saved(), [_cpu(pid) for pid in watched]
    seconds = sight.watch(time.monotonic() + given.seconds, enough=given.accounts if given.cold else None)
    saved = sight.saved() - saved
    *shares, of_valkey = [(_cpu(pid) - past) / seconds for pid, past in zip(watched, cpu, strict=True)]
    ended = [sum(line["event"] == "refreshed" for line in refresher.lines()) for refresher in refreshers]
    row = (
        given.accounts,
        given.refreshers,
        f"{seconds:.1f}",
        sight.fresh(),
        f"{saved / seconds:.1f} ({max(sight.rates):.0f})",
        ", ".join(f"{100 * count / max(1, sum(ended)):.0f} %" for count in ended),
        ", ".join(f"{share:.3f}" for share in shares),
        f"{of_valkey:.3f}",
        f"{sight.late:.1f}",
        sight.expired,
        ", ".join(f"{processes.resident_bytes(pid) / 1e6:.0f}" for pid in pids),
    )
    print(f"| {' | '.join(COLUMNS)} |\n|{' ---: |' * len(COLUMNS)}\n| {' | '.join(map(str, row))} |", flush=True)


def take_over(sight: Sight, refreshers: Sequence[Refresher]) -> None:
    """Kill one, and print how long what it was about to do had to wait for another."""
    before = sight.locks()
    os.kill(_pid(refreshers[0]), signal.SIGKILL)
    killed = time.monotonic()
    left = sight.locks()

    def waiting() -> set[str]:
        now = sight.locks()
        return {key for key, owner in left.items() if now.get(key) == owner}

    until(lambda: not waiting(), seconds=PATIENCE_SECONDS, what="all locks of the killed refresher are gone")
    names = [key.removeprefix(sight.store.key("lock", "")) for key in left]
    until(lambda: not _due(sight.store, names), seconds=PATIENCE_SECONDS, what="others have refreshed its accounts")
    print(f"\n{len(before)} under way when one was killed; all done after {time.monotonic() - killed:.1f} s")


def _due(store: Store, names: Sequence[str]) -> bool:
    """Whether one of them is."""
    scores = store.redis.zmscore(store.key("refresh"), names) if names else []
    return any(score is not None and score <= time.time() * 1000 for score in scores)


def fill(store: Store, path: Path, lifetime: float) -> float:
    """Put the accounts of the file where refreshers would have them: each at some moment of its token's life.

    Returns when the first of them is due.
    """
    members, tokens, dice = Members(store), TokenStore(store), random.Random(1)
    configured = accounts_file.parse(path.read_text("utf-8"), str(path), Kind.KIMI)
    begins = time.time() + 5 + len(configured) / FILLED_A_SECOND
    members.sync(configured)

    def freshen(name: str) -> None:
        record = members.get(name)
        assert record is not None
        period = schedule.due_at(0.0, lifetime, dice)
        issued = begins - dice.uniform(0, period)
        tokens.save(
            record, Tokens("access", record.refresh), issued=issued, expires=issued + lifetime, next_due=issued + period
        )

    with ThreadPoolExecutor(AT_ONCE) as writers:
        list(writers.map(freshen, (member.account.name for member in configured)))
    return begins


@contextmanager
def _house(folder: Path, given: argparse.Namespace) -> Iterator[tuple[Valkey, Simulator]]:
    options = ["--accounts", str(given.accounts), "--classic-accounts", "0", "--moonshot-accounts", "0"]
    valkey = deployed(folder, fsync="always")  # writes to disk at once until the accounts are in
    with Simulator(*options, "--token-lifetime", str(given.lifetime)) as kimi:
        kimi.settings(exchange_delay=given.answer)
        text = kimi.session.get(f"{kimi.url}/_sim/accounts.yaml", timeout=PATIENCE_SECONDS).text
        (folder / "accounts.yaml").write_text(text, "utf-8")
        valkey.start()
        try:
            yield valkey, kimi
        finally:
            valkey.stop()


@contextmanager
def _refreshers(
    folder: Path, valkey: Valkey, kimi: Simulator, given: argparse.Namespace
) -> Iterator[Sequence[Refresher]]:
    upstreams = dict.fromkeys(("KIMI_WEB_URL", "KIMI_AUTH_URL", "KIMI_CLASSIC_URL"), kimi.url)
    limit = {"REFRESHER_EXCHANGES_PER_SECOND": str(given.rate)} if given.rate else {}
    # Every refresh is told there, from which the shares are read.
    env = {"REDIS_URL": valkey.url, **upstreams, "MOONSHOT_URL": f"{kimi.url}/v1", "LOG_LEVEL": "debug", **limit}
    started = [Refresher(folder, **env) for _ in range(given.refreshers)]
    try:
        for refresher in started:
            refresher.start()
        if not given.cold:
            for refresher in started:
                until(lambda it=refresher: "refresher started" in it.said(), seconds=PATIENCE_SECONDS)  # type: ignore[misc]
        yield started
    finally:
        for refresher in started:
            refresher.end()


def _pid(refresher: Refresher) -> int:
    assert refresher.process is not None
    return refresher.process.pid


def _cpu(pid: int) -> float:
    """Seconds so far, those of threads that have ended included."""
    return sum(processes.user_and_kernel(pid)) / os.sysconf("SC_CLK_TCK")


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accounts", type=int, default=10_000)
    options.add_argument("--refreshers", type=int, default=1)
    options.add_argument("--seconds", type=float, default=60, help="to measure; with --cold at the most")
    options.add_argument("--lifetime", type=int, default=900, help="seconds that an access token lives")
    options.add_argument("--answer", type=float, default=0.2, help="seconds that Kimi takes for an exchange")
    options.add_argument("--rate", type=float, default=None, help="REFRESHER_EXCHANGES_PER_SECOND, if not the default")
    options.add_argument("--cold", action="store_true", help="begin with accounts that have no access token")
    options.add_argument("--kill", action="store_true", help="kill a refresher at the end")
    return options


if __name__ == "__main__":
    sys.exit(run(main))
