"""Of a Redis that has come back empty, or in an older state, those take care first that know the newest tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.waiting import until
from kimi.pool import Store, connect
from refresher.precedence import OTHERS_SECONDS, let_others_go_first
from refresher.stopping import Stop
from tests.kimi.pool.pools import Pool, web
from tests.refresher.house import Now
from tests.refresher.running import Eyes, Start, write
from tests.simulator.running import Simulator
from tests.valkey import Valkey


@pytest.fixture
def young(tmp_path: Path) -> Iterator[Valkey]:
    """A server that was started just now."""
    directory = tmp_path / "valkey"
    directory.mkdir()
    server = Valkey(directory)
    server.start()
    yield server
    server.stop()


def test_one_that_comes_new_waits_until_the_others_have_entered_what_they_remember(young: Valkey) -> None:
    waits: list[float] = []
    with connect(young.url) as redis:
        pool = Pool(Store(redis), Now())

        def wait(seconds: float) -> None:
            if len(waits) < 3:
                pool.configure(*(web(f"{len(waits)}-{number}") for number in range(3)))
            waits.append(seconds)

        assert let_others_go_first(pool.store, Stop(), wait=wait)
    assert waits == [OTHERS_SECONDS, 1.0, 1.0, 1.0]


def test_who_is_told_to_stop_waits_no_longer(young: Valkey) -> None:
    stop = Stop()
    stop.set()
    with connect(young.url) as redis:
        assert not let_others_go_first(Store(redis), stop)


def test_a_redis_that_has_been_there_for_a_while_keeps_nobody_waiting(pool: Pool) -> None:
    waits: list[float] = []
    assert let_others_go_first(pool.store, Stop(), young=0.0, wait=waits.append)
    assert waits == []


def test_no_token_is_spent_twice_where_one_is_started_at_a_redis_that_has_come_back_empty(
    tmp_path: Path, young: Valkey, kimi: Simulator, start: Start
) -> None:
    names = [f"a{number}" for number in range(150)]
    write(tmp_path, *(kimi.mint(name=name) for name in names))
    start(REDIS_URL=young.url)
    eyes = Eyes(young.url)
    until(lambda: eyes.all_active(*names), what="all were exchanged")
    eyes.redis.close()
    young.stop()
    for path in young.directory.glob("appendonlydir/*"):
        path.unlink()
    young.start()
    second = start(REDIS_URL=young.url)
    second.says("accounts taken")
    eyes = Eyes(young.url)
    until(lambda: eyes.all_active(*names), what="all were exchanged again")
    eyes.redis.close()
    assert [kimi.account(name)["reused"] for name in names] == [0] * len(names)
