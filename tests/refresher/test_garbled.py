"""An account whose record nobody understands costs nobody else anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from devtools.waiting import until
from refresher.worker import GARBLED
from tests.kimi.pool.pools import web
from tests.refresher.house import ALICE, House
from tests.refresher.running import Eyes, Start, write
from tests.simulator.running import Simulator


def test_it_is_left_alone_and_told_once(redis_url: str) -> None:
    house = House(redis_url)
    house.pool.configure(ALICE, web("bob"))
    house.redis.hset(house.pool.store.key("account", "bob"), "version", "x")
    with structlog.testing.capture_logs() as lines, house.running():
        until(lambda: house.is_active("alice"))
        until(lambda: GARBLED in [line["event"] for line in lines])
        house.redis.zadd(house.pool.store.key("refresh"), {"bob": 0})
        turns = house.chore.turns
        until(lambda: house.chore.turns > turns + 5)
    assert [line["account"] for line in lines if line["log_level"] == "error"] == ["bob"]


@pytest.mark.parametrize("written", [("spec", '{"name": "b"'), ("state", "nonsense")])
def test_it_ends_no_refresher_nor_keeps_one_from_a_start(
    start: Start, kimi: Simulator, eyes: Eyes, tmp_path: Path, written: tuple[str, str]
) -> None:
    write(tmp_path, *(kimi.mint(name=name) for name in ("alice", "bob", "carol")))
    first = start()
    until(lambda: eyes.all_active("alice", "bob", "carol"))
    eyes.redis.hset(eyes.store.key("account", "bob"), *written)
    second = start()
    second.says("refresher started")
    eyes.redis.zadd(eyes.store.key("refresh"), {"alice": 0, "bob": 0, "carol": 0})
    versions = {record.account.name: record.version for record in eyes.members.all()}
    assert versions.keys() == {"alice", "carol"}
    until(lambda: all(eyes.record(name).version > version for name, version in versions.items()))
    until(lambda: GARBLED in first.said() + second.said())
    assert (first.terminate(), second.terminate()) == (0, 0)
