"""The whole system at a glance."""

from __future__ import annotations

import pytest

from kimi.alerts.notes import Language, Rule
from kimi.operating.status import Status
from kimi.pool import Store, connect
from kimi.pool.alerts import Active, AlertBook
from kimi.pool.counts import Counts, Courier
from kimi.pool.heartbeats import Heartbeats
from kimi.version import VERSION
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.ports import free_port
from tests.valkey import Valkey


def test_it_is_told_as_the_api_has_it(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=2), web("b"), lifetime=600)
    pool.leases.acquire(KIMI)
    Heartbeats(pool.store).beat("refresher-1")
    counts = Counts(pool.clock)
    counts.answered("1", failed=True)
    Courier(pool.store, counts).deliver()
    pool.clock.now += 2.5

    told = Status(pool.store, started=pool.clock.now - 60).overview().described()

    assert told.pop("redis").keys() == {"up", "server", "version", "used_memory_bytes", "persistent"}
    assert told == {
        "version": VERSION,
        "now": pool.clock.now,
        "started": pool.clock.now - 60,
        "refreshers": [{"name": "refresher-1", "seen_seconds": 2.5}],
        "pool": {
            "usable": 2,
            "total": 2,
            "states": {"active": 2},
            "in_flight": 1,
            "limit": 3,
            "next_expiry": pool.clock.now - 2.5 + 600,
        },
        "queue": {"waiting": 0},
        "today": {"requests": 1, "errors": 1, "prompt_tokens": 0, "completion_tokens": 0},
        "alerts": [],
    }


@pytest.mark.parametrize(("language", "word"), [("en", "Their login was refused: a."), ("zh", "登录已失效：a。")])
def test_alerts_are_told_in_the_language_of_the_operator(pool: Pool, language: Language, word: str) -> None:
    book = AlertBook(pool.store)
    assert book.hold("watcher", 15)
    assert book.write(
        "watcher", [], [], [Active(rule=Rule.DEAD, subjects=("a",), count=1, since=1.5, figure=0, limit=1)]
    )
    (alert,) = Status(pool.store, language=language).overview().alerts
    assert alert["message"].startswith(word)


def test_of_a_redis_that_is_away_nothing_else_is_known() -> None:
    clock = Clock()
    told = Status(Store(connect(f"redis://127.0.0.1:{free_port()}"), clock=clock)).overview().described()

    assert told["redis"] == {
        "up": False,
        "server": "",
        "version": "",
        "used_memory_bytes": None,
        "persistent": None,
    }
    assert (told["now"], told["started"], told["pool"]["total"]) == (clock.now, None, 0)


def test_of_a_redis_that_may_not_be_asked_all_else_is_known(own_valkey: Valkey) -> None:
    with connect(own_valkey.url) as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-info")
        pool = Pool(Store(redis), Clock())
        pool.configure(web("a"))
        told = Status(pool.store).overview().described()
    assert told["redis"] == {"up": True, "server": "", "version": "", "used_memory_bytes": None, "persistent": None}
    assert told["pool"]["total"] == 1


def test_a_look_takes_the_same_few_round_trips_however_many_accounts_there_are(pool: Pool) -> None:
    def round_trips() -> int:
        before = pool.store.redis.info("stats")["total_reads_processed"]
        Status(pool.store).overview()
        return int(pool.store.redis.info("stats")["total_reads_processed"] - before)

    pool.fill(web("a"))
    Status(pool.store).overview()
    few = round_trips()
    pool.fill(*(web(f"account-{number}") for number in range(300)))
    Status(pool.store).overview()

    assert round_trips() == few <= 7
