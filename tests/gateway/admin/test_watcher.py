"""What the page is told of a pool that changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import gevent
import orjson
import pytest

from devtools.waiting import until
from gateway.admin.live import Live
from gateway.admin.rows import Rows
from gateway.admin.watcher import Watcher
from gateway.drain import Drain
from kimi.errors import Outdated, StoreUnavailable
from kimi.operating.accounts import Accounts
from kimi.operating.status import Overview
from kimi.pool import Store, connect
from kimi.pool.activity import Activities, Activity
from kimi.pool.counts import Counts, Courier
from kimi.pool.figures import Figures
from kimi.pool.health import RedisHealth
from kimi.pool.interventions import Interventions
from tests.gateway.admin.sse import events
from tests.kimi.pool.pools import Clock, Pool, rest, take, web
from tests.valkey import Valkey


@dataclass
class Heard:
    """All that a look has told."""

    accounts: dict[str, dict[str, object]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)


def look(watcher: Watcher) -> Heard:
    heard = Heard()
    for news in watcher.look():
        heard.accounts |= {name: orjson.loads(row) for name, row in news.accounts.items()}
        heard.removed |= set(news.removed)
    return heard


def watcher_on(store: Store) -> Watcher:
    return Watcher(Activities(store), Figures(store), Rows(Accounts(store), Figures(store), store.now))


@pytest.fixture
def watcher(pool: Pool) -> Watcher:
    pool.fill(web("a", max_concurrency=2), web("b/c"))
    watcher = watcher_on(pool.store)
    watcher.begin()
    return watcher


def test_where_nothing_changes_nothing_is_told(watcher: Watcher) -> None:
    assert look(watcher) == Heard()


def test_a_state_that_changes_is_told_once(watcher: Watcher, pool: Pool) -> None:
    Interventions(pool.store).pause("b/c")
    heard = look(watcher)
    assert {name: row["state"] for name, row in heard.accounts.items()} == {"b/c": "paused"}
    assert look(watcher) == Heard()


def test_leases_are_told_when_they_begin_and_end(watcher: Watcher, pool: Pool) -> None:
    lease = take(pool)
    name = lease.account.name
    assert look(watcher).accounts[name]["in_flight"] == 1
    assert look(watcher) == Heard()
    pool.leases.release(lease, rest=rest(30))
    row = look(watcher).accounts[name]
    assert (row["in_flight"], row["cooling_reason"]) == (0, "overloaded")


def test_what_an_account_did_is_told(watcher: Watcher, pool: Pool) -> None:
    counts = Counts()
    counts.asked("a", failed=False)
    Courier(pool.store, counts).deliver()
    assert look(watcher).accounts["a"]["today"] == {
        "requests": 1,
        "errors": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
    }


def test_new_accounts_come_and_others_go(watcher: Watcher, pool: Pool) -> None:
    pool.configure(web("a", max_concurrency=2), web("b/c"), web("d"))
    assert set(look(watcher).accounts) == {"d"}
    hands = Interventions(pool.store)
    pool.store.redis.hset(pool.store.key("account", "d"), "origin", "operator")
    hands.delete("d")
    heard = look(watcher)
    assert heard.removed == {"d"} and not heard.accounts


def test_accounts_that_are_forgotten_without_a_word_go_after_a_while(watcher: Watcher, pool: Pool) -> None:
    redis, key = pool.store.redis, pool.store.key
    redis.delete(key("account", "b/c"))
    redis.srem(key("accounts"), "b/c")
    redis.zrem(key("changed"), "b/c")
    heard = [look(watcher) for _ in range(120)]
    assert heard[-1].removed == {"b/c"}
    assert all(each == Heard() for each in heard[:-1])


def test_what_redis_has_lost_is_gone_and_all_else_is_told_anew(watcher: Watcher, pool: Pool) -> None:
    pool.store.redis.flushall()
    pool.fill(web("z"))
    heard = look(watcher)
    assert (set(heard.accounts), heard.removed) == ({"z"}, {"a", "b/c"})


class Breaking(Activities):
    """Redis goes away between two questions, once."""

    breaks = False

    def since(self, number: int) -> Activity:
        if self.breaks:
            self.breaks = False
            raise StoreUnavailable
        return super().since(number)


def test_what_redis_has_lost_is_told_also_when_it_goes_away_meanwhile(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    store, activities = pool.store, Breaking(pool.store)
    watcher = Watcher(activities, Figures(store), Rows(Accounts(store), Figures(store), store.now))
    watcher.begin()
    store.redis.flushall()
    pool.fill(web("b"))
    watcher.lose()
    activities.breaks = True
    with pytest.raises(StoreUnavailable):
        look(watcher)
    heard = look(watcher)
    assert (set(heard.accounts), heard.removed) == ({"b"}, {"a"})
    assert look(watcher) == Heard()


class Down:
    """Finds that Redis does not answer, which it does a moment later."""

    def overview(self) -> Overview:
        return Overview(now=0.0, started=None, redis=RedisHealth(up=False))


def test_whoever_is_told_that_redis_is_away_is_told_everything_once_it_is_back(watcher: Watcher) -> None:
    live = Live(watcher, Down(), Drain(5), clock=Clock(0), monotonic=time.monotonic)
    viewer = live.join(lambda: None)
    told = events(viewer.take(5) + viewer.take(5))
    live.leave(viewer)
    assert gevent.wait(timeout=5)  # it looks for nobody any more
    assert [each.name for each in told[:2]] == ["overview", "accounts"]
    assert set(told[1].accounts) == {"a", "b/c"}


class TooOld:
    """Finds that Redis holds what only another release understands."""

    def overview(self) -> Overview:
        raise Outdated("too new", "start another release")


def test_who_looks_asks_again_and_is_told_why_once_redis_is_of_another_release(
    watcher: Watcher, capfd: pytest.CaptureFixture[str]
) -> None:
    live = Live(watcher, TooOld(), Drain(5), clock=Clock(0), monotonic=time.monotonic)
    viewer = live.join(lambda: None)
    assert viewer.take(5) == b"" and viewer.ended
    live.leave(viewer)
    assert gevent.wait(timeout=5)
    assert capfd.readouterr().err == "", "it is no mistake"


@pytest.fixture
def restarted(own_valkey: Valkey) -> Iterator[tuple[Pool, Watcher]]:
    redis = connect(own_valkey.url)
    pool = Pool(Store(redis), Clock(Store(redis).now()))
    yield pool, watcher_on(pool.store)
    redis.close()


def test_when_redis_is_back_everything_is_told_anew(restarted: tuple[Pool, Watcher], own_valkey: Valkey) -> None:
    pool, watcher = restarted
    pool.fill(web("a"), web("b"))
    watcher.begin()
    own_valkey.stop()
    with pytest.raises(StoreUnavailable):
        look(watcher)
    own_valkey.start()
    assert set(look(watcher).accounts) == {"a", "b"}
    assert look(watcher) == Heard()


def test_who_begins_without_redis_is_told_everything_once_it_is_there(
    restarted: tuple[Pool, Watcher], own_valkey: Valkey
) -> None:
    pool, watcher = restarted
    pool.fill(web("a"))
    own_valkey.stop()
    with pytest.raises(StoreUnavailable):
        watcher.begin()
    own_valkey.start()
    until(lambda: set(look(watcher).accounts) == {"a"}, seconds=10, what="everything is told")
