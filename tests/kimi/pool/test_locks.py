"""The last step before a credential is exchanged: who may, and what became of those who might before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from devtools.waiting import until
from kimi.accounts import ConfiguredAccount, Record, State
from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.due import DueRefreshes, Room
from kimi.pool.locks import Lock, Past
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.ports import free_port
from tests.valkey import Valkey


def known(pool: Pool, name: str = "a") -> Record:
    record = pool.members.get(name)
    assert record is not None
    return record


@contextmanager
def locked(pool: Pool) -> Iterator[Lock]:
    ((lock, _),) = DueRefreshes(pool.store, rate=1e6).take(1, Room(1)).locks
    with pool.tokens.holding(lock):
        yield lock


def killed_while_spending(pool: Pool) -> None:
    """Somebody begins an exchange and is never heard of again."""
    with locked(pool) as lock:
        assert lock.spend(known(pool)) is not None


def take_over(pool: Pool) -> None:
    pool.store.redis.set(pool.store.key("lock", "a"), "somebody else, after it expired")


def lose_the_lock(pool: Pool) -> None:
    pool.store.redis.delete(pool.store.key("lock", "a"))


def postpone(pool: Pool) -> None:
    pool.tokens.postpone(known(pool), pool.clock.now + 60, 1)


OVERTAKEN: dict[str, Callable[[Pool], object]] = {
    "somebody else has the lock": take_over,
    "the lock has expired": lose_the_lock,
    "refreshed": lambda pool: pool.freshen("a"),
    "postponed": postpone,
    "taken out": lambda pool: pool.configure(),
    "dead": lambda pool: pool.members.mark("a", 1, State.DEAD, "refused"),
    "another credential": lambda pool: pool.members.sync([ConfiguredAccount(web("a"), "another")]),
}


def test_the_owner_of_the_lock_may_spend_what_is_due(pool: Pool) -> None:
    pool.configure(web("a"))
    with locked(pool) as lock:
        assert lock.spend(known(pool)) is Past.NOTHING


@pytest.mark.parametrize("happened", OVERTAKEN)
def test_nothing_is_spent_when_anything_has_changed_since_the_account_was_read(pool: Pool, happened: str) -> None:
    pool.configure(web("a"))
    with locked(pool) as lock:
        record = known(pool)
        OVERTAKEN[happened](pool)
        assert lock.spend(record) is None
        assert pool.store.redis.hget(pool.store.key("account", "a"), "spending") is None


def test_an_account_that_became_more_urgent_is_still_due(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.clock.now += 500
    lease = pool.leases.acquire(KIMI)
    with locked(pool) as lock:
        record = known(pool)
        pool.leases.reject(lease)
        assert lock.spend(record) is Past.NOTHING


def test_from_then_on_the_lock_lasts_its_whole_time(pool: Pool) -> None:
    pool.configure(web("a"))
    with locked(pool) as lock:
        pool.store.redis.pexpire(pool.store.key("lock", "a"), 200)
        assert lock.spend(known(pool)) is Past.NOTHING
        assert pool.store.redis.pttl(pool.store.key("lock", "a")) > 14_000


def test_a_process_that_was_stopped_after_its_leave_was_given_does_not_use_it(pool: Pool) -> None:
    pool.configure(web("a"))
    clock = Clock()

    class Stopped(Store):
        def run(self, name: str, *args: str | float) -> Any:
            answer = super().run(name, *args)
            clock.now += 15
            return answer

    with locked(pool) as held:
        lock = Lock(Stopped(pool.store.redis, clock=pool.clock), "a", held.owner, 15.0, monotonic=clock)
        assert lock.spend(known(pool)) is None


def test_an_exchange_that_was_cut_off_is_told_to_the_next_and_only_once(pool: Pool) -> None:
    pool.configure(web("a"))
    killed_while_spending(pool)
    with locked(pool) as lock:
        assert lock.spend(known(pool)) is Past.CUT_OFF
        assert lock.spend(known(pool)) is Past.UNANSWERED
        pool.tokens.postpone(known(pool), pool.clock.now, 1)
    with locked(pool) as lock:
        assert lock.spend(known(pool)) is Past.UNANSWERED


@pytest.mark.parametrize("unanswered", [True, False])
def test_a_failed_exchange_leaves_a_doubt_unless_it_surely_spent_nothing(pool: Pool, unanswered: bool) -> None:
    pool.configure(web("a"))
    with locked(pool) as lock:
        lock.spend(known(pool))
        pool.tokens.postpone(known(pool), pool.clock.now, 1, unanswered=unanswered)
    with locked(pool) as lock:
        assert lock.spend(known(pool)) is (Past.UNANSWERED if unanswered else Past.NOTHING)


@pytest.mark.parametrize("unanswered", [True, False])
def test_what_became_of_a_credential_says_nothing_of_its_successor(pool: Pool, unanswered: bool) -> None:
    pool.configure(web("a"))
    killed_while_spending(pool)
    if unanswered:
        pool.tokens.postpone(known(pool), pool.clock.now, 1, unanswered=True)
    pool.freshen("a")
    pool.clock.now += 500
    with locked(pool) as lock:
        assert lock.spend(known(pool)) is Past.NOTHING


def out_of_memory(redis: Any, _: Valkey) -> None:
    redis.config_set("maxmemory", 1)


def without_its_master(redis: Any, _: Valkey) -> None:
    redis.replicaof("127.0.0.1", free_port())


def unable_to_save_its_snapshot(redis: Any, server: Valkey) -> None:
    (server.directory / "dump.rdb").mkdir()
    redis.config_set("save", "3600 1")
    redis.bgsave()
    until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", what="the snapshot fails")


TROUBLES = {
    "OutOfMemoryError": out_of_memory,
    "ReadOnlyError": without_its_master,
    "MISCONF": unable_to_save_its_snapshot,
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_store_that_takes_no_writes_says_so_before_anything_is_spent(own_valkey: Valkey, trouble: str) -> None:
    with connect(own_valkey.url) as redis:
        pool = Pool(Store(redis), Clock(Store(redis).now()))
        pool.configure(web("a"))
        with locked(pool) as lock:
            record = known(pool)
            TROUBLES[trouble](redis, own_valkey)
            with pytest.raises(StoreUnavailable, match=trouble):
                lock.spend(record)
    own_valkey.kill()  # it would try to write a last snapshot
