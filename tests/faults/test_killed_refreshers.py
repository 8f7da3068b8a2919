"""Promise 1: `kill -9` of the refresher loses no account, except where Kimi's answer was on its way."""

from __future__ import annotations

import random
import time
from pathlib import Path

from devtools.waiting import until
from tests.faults.pools import Pool, starting
from tests.faults.table import Ledger
from tests.system.stack import Process

PROMISE = 1
KILLS = 120
ACCOUNTS = 90
"""Enough for all kills: a killed refresher's locks last up to 15 s, and so long its accounts are left alone."""


def lost_answers(pool: Pool) -> dict[str, int]:
    """How many exchanges Kimi carried out whose tokens never reached Redis, by account."""
    saved = {name: int(values["version"]) - 1 for name, values in pool.stored().items()}
    return {name: count - saved[name] for name, count in pool.counted("exchanged").items() if count != saved[name]}


def dead(pool: Pool) -> set[str]:
    return {name for name, values in pool.stored().items() if values["state"] != "active"}


def kill_at_random(pool: Pool, living: list[Process], times: int) -> None:
    """One refresher after the other; another one starts in its place."""
    dice = random.Random(7)
    for _ in range(times):
        moment = time.monotonic() + dice.uniform(0, 0.16)
        until(lambda moment=moment: time.monotonic() > moment, what="a random moment")  # type: ignore[misc]
        living.pop(dice.randrange(len(living))).kill()
        living.append(pool.another())


def test_refreshers_killed_at_random_moments_lose_only_what_was_on_its_way(tmp_path: Path, promise: Ledger) -> None:
    with starting(tmp_path, ACCOUNTS, refreshers=3, access_lifetime=6, exchange_delay=0.01) as (pool, living):
        kill_at_random(pool, living, KILLS)
        pool.stack.simulator.settings(access_lifetime=300)
        pool.wait(lambda: pool.fresh() + len(dead(pool)) == ACCOUNTS, why="all fates are known")

        # An answer that is being stored at this moment looks lost for a moment.
        pool.wait(lambda: dead(pool) == set(lost_answers(pool)), why="an account is lost if and only if an answer was")
        lost = dict.fromkeys(dead(pool), 1)
        assert {name: count for name, count in lost_answers(pool).items() if name in lost} == lost
        reused = +pool.counted("reused")
        assert reused.keys() == lost.keys(), "each spent token was tried once more"
        assert max(reused.values(), default=0) <= 2, "and so was the one before it, and neither ever again"
        assert pool.total("concurrent") == 0
        told = [line["account"] for line in pool.said("error") if "lost on the way" in line.get("reason", "")]
        assert sorted(told) == sorted(lost), "the refreshers report these accounts, apart from other deaths"
        assert all(pool.stored()[name]["refresh"] for name in lost), "a refused token is remembered"

        pool.replace_tokens({name: pool.newest(name) for name in lost})
        pool.wait(why="new tokens in the accounts file revive every account, without a restart")
        promise.tried(
            KILLS,
            "refreshers killed with SIGKILL at random moments, 3 at work",
            lost=f"{len(lost)} answers that were on their way; a new token revived each of their accounts",
        )
