from __future__ import annotations

from pathlib import Path

import pytest

from devtools.waiting import until
from kimi.accounts import State
from kimi.errors import Outdated, StoreUnavailable
from kimi.pool import Store
from kimi.pool.heartbeats import Heartbeats
from kimi.pool.migrating import Migration
from kimi.pool.schema import LOOK_SECONDS, Schema, at_work
from kimi.version import VERSION
from refresher.stopping import Stop
from refresher.versions import Versions
from tests.kimi.pool.converting import AFTER_THAT, LAST, Steps, fill, schema, upgrade
from tests.kimi.pool.pools import Pool
from tests.refresher.running import Eyes, Start, write
from tests.refresher.test_process import refusal
from tests.simulator.running import Simulator


def test_one_that_is_shut_out_does_nothing_as_long_as_it_is(pool: Pool, stop: Stop) -> None:
    barred = Store(pool.store.redis)
    versions = Versions(schema(pool.store, "0.2.0"), barred, stop, clock=pool.clock)
    assert versions.start()
    assert Migration(schema(pool.store, "0.4.0")).run()
    versions.check()
    pool.clock.now += LOOK_SECONDS
    for _ in range(3):
        with pytest.raises(Outdated):
            versions.check()
        with pytest.raises(Outdated):
            barred.probe()
    pool.store.redis.flushall()
    with pytest.raises(Outdated):
        versions.check()
    pool.clock.now += LOOK_SECONDS
    versions.check()
    barred.probe()
    assert schema(pool.store, "0.2.0").look().version == 2


def test_an_older_state_that_is_put_back_is_converted_like_one_at_the_start(pool: Pool, stop: Stop) -> None:
    steps = Steps()
    versions = Versions(schema(pool.store, "0.3.0", steps), pool.store, stop, clock=pool.clock)
    assert versions.start() and not steps.begun
    pool.store.redis.flushall()
    fill(pool.store, 3)
    versions.check()
    assert not steps.begun, "it is not time yet"
    pool.clock.now += LOOK_SECONDS
    versions.check()
    assert steps.begun == [""]
    assert schema(pool.store, "0.3.0").look().version == 3


def test_one_that_is_told_to_stop_while_another_converts_does(pool: Pool, stop: Stop) -> None:
    fill(pool.store, 3)
    pool.store.redis.set(pool.store.key("schema:lock"), "another")
    stop.set()
    assert not Versions(schema(pool.store, "0.3.0"), pool.store, stop, clock=pool.clock).start()


def test_while_another_converts_one_goes_on_with_what_it_can_read(pool: Pool, stop: Stop) -> None:
    fill(pool.store, 3)
    Migration(schema(pool.store, "0.2.0")).run()
    pool.store.redis.set(pool.store.key("schema:lock"), "another")
    Versions(schema(pool.store, "0.3.0"), pool.store, stop, clock=pool.clock).check()
    with pytest.raises(Outdated, match="not converted yet"):
        Versions(schema(pool.store, "0.4.0"), pool.store, stop, clock=pool.clock).check()


def test_a_look_that_nobody_answered_is_made_again_at_once(pool: Pool, stop: Stop) -> None:
    away = Store(pool.store.redis, clock=pool.clock)
    versions = Versions(schema(away, "0.2.0"), pool.store, stop, clock=pool.clock)
    assert versions.start()
    assert Migration(schema(pool.store, "0.4.0")).run()
    pool.clock.now += LOOK_SECONDS
    away.bar(StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable, match="away"):
        versions.check()
    away.bar(None)
    with pytest.raises(Outdated):
        versions.check()


def test_one_that_is_too_old_does_not_start(start: Start, eyes: Eyes) -> None:
    upgrade(eyes.store, AFTER_THAT)
    for arguments in ((), ("--check",)):
        (line,) = refusal(start(*arguments))
        assert line == (
            f"refresher: Redis holds schema {LAST + 2}, written by release 9.1.0; this is release {VERSION}, which "
            f"knows schema {LAST}: start release 9.0.0 or a newer one"
        )


def test_one_that_runs_looks_by_itself_and_works_no_more(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    refresher = start()
    until(lambda: eyes.states() == {"alice": State.ACTIVE})
    assert Schema(eyes.store).look().version == LAST
    (name,) = at_work(eyes.store)[VERSION]
    assert name.startswith("refresher ")
    upgrade(eyes.store, AFTER_THAT)
    refresher.says("waiting for the store")
    (line,) = [line for line in refresher.lines() if line["level"] == "error"]
    assert line["error"].endswith(": start release 9.0.0 or a newer one")
    until(lambda: not Heartbeats(eyes.store).any_lives(), what="it is not taken for one that is at work")
    assert refresher.terminate() == 0
    assert at_work(eyes.store) == {}
