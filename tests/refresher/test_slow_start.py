"""Of a Redis that has come back empty, or in an older state, those take care first that know the newest tokens."""

from __future__ import annotations

import math
from pathlib import Path

from devtools.waiting import until
from kimi.accounts import State
from kimi.pool import Store, connect
from refresher.slow_start import FEW, SETTLED_SECONDS, SlowStart
from tests.kimi.pool.pools import Clock, Pool
from tests.refresher.running import Eyes, Start, write
from tests.simulator.running import Simulator
from tests.valkey import Valkey

ACCOUNTS = 150


def test_a_few_are_begun_until_redis_has_run_for_some_seconds(own_valkey: Valkey) -> None:
    clock = Clock()
    with connect(own_valkey.url) as redis:
        start = SlowStart(Store(redis), monotonic=clock)
        assert start.room == FEW
        start.begun(FEW - 1)
        assert start.room == 1
        start.begun(2)
        assert start.room == 0
        clock.now += SETTLED_SECONDS
        assert start.room == math.inf


def test_at_a_redis_that_has_run_for_a_while_all_are_begun(pool: Pool) -> None:
    def has_settled() -> bool:
        return int(pool.store.redis.info("server")["uptime_in_seconds"]) >= SETTLED_SECONDS

    until(has_settled, what="Redis has run for some seconds")
    assert SlowStart(pool.store).room == math.inf


def test_where_redis_does_not_tell_how_long_it_runs_all_are_begun(own_valkey: Valkey) -> None:
    with connect(own_valkey.url) as redis:
        redis.acl_setuser("default", enabled=True, nopass=True, commands=["+@all", "-info"], keys=["*"])
        assert SlowStart(Store(redis)).room == math.inf


def test_who_is_started_at_a_redis_that_has_come_back_empty_spends_a_few_tokens_at_the_most(
    tmp_path: Path, own_valkey: Valkey, kimi: Simulator, start: Start
) -> None:
    names = [f"a{number}" for number in range(ACCOUNTS)]
    write(tmp_path, *(kimi.mint(name=name) for name in names))
    start(REDIS_URL=own_valkey.url)
    eyes = Eyes(own_valkey.url)
    until(lambda: eyes.all_active(*names), what="all were exchanged")
    eyes.redis.close()
    own_valkey.stop()
    for path in own_valkey.directory.glob("appendonlydir/*"):
        path.unlink()
    own_valkey.start()
    second = start(REDIS_URL=own_valkey.url)
    second.says("accounts taken")
    eyes = Eyes(own_valkey.url)

    def are_done() -> bool:
        states = eyes.states()
        return states.keys() == {*names} and {*states.values()} <= {State.ACTIVE, State.DEAD}

    until(are_done, what="all were exchanged again")
    eyes.redis.close()
    assert sum(kimi.account(name)["reused"] for name in names) <= FEW
