"""What is stored of a refresh and of its failure, the lock around it, and the fence behind the lock."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from kimi.accounts import ConfiguredAccount, State, Tokens
from kimi.errors import StoreUnavailable
from kimi.pool import Store, TokenStore, connect
from kimi.pool.due import DueRefreshes, Room
from kimi.pool.tokens import Credential
from tests.kimi.pool.pools import KIMI, Clock, Pool, present, web
from tests.valkey import Valkey


def test_saving_stores_both_tokens_and_their_times(pool: Pool) -> None:
    pool.configure(web("a"))
    record = pool.members.get("a")
    assert record is not None
    now = pool.clock.now
    assert pool.tokens.save(record, Tokens("acc", "ref"), issued=now, expires=now + 300, next_due=now + 150)
    saved = pool.members.get("a")
    assert saved is not None
    assert (saved.access, saved.refresh, saved.state) == ("acc", "ref", State.ACTIVE)
    assert (saved.access_issued, saved.access_expires, saved.due) == (now, now + 300, now + 150)
    assert saved.version == record.version + 1
    assert "acc" not in repr(saved).replace("account", "").replace("access", "")


def test_a_writer_that_was_overtaken_changes_nothing(pool: Pool) -> None:
    pool.fill(web("a"))
    stale = pool.members.get("a")
    assert stale is not None
    pool.freshen("a")
    now = pool.clock.now
    assert not pool.tokens.save(stale, Tokens("x", "y"), issued=now, expires=now, next_due=now)
    assert not pool.tokens.postpone(stale, now + 1, 1)
    current = pool.members.get("a")
    assert current is not None and current.refresh == "refresh-a-3" and current.failures == 0


def test_a_postponed_refresh_counts_its_failures_until_one_succeeds(pool: Pool) -> None:
    pool.configure(web("a"))
    record = pool.members.get("a")
    assert record is not None
    assert pool.tokens.postpone(record, pool.clock.now + 4, 3)
    assert pool.due() == []
    postponed = pool.members.get("a")
    assert postponed is not None and postponed.failures == 3 and postponed.due == pool.clock.now + 4
    pool.freshen("a")
    fresh = pool.members.get("a")
    assert fresh is not None and fresh.failures == 0


def test_a_lock_is_freed_by_its_owner_only(pool: Pool) -> None:
    redis = pool.store.redis
    with pool.held("a", 30):
        redis.set(pool.store.key("lock", "a"), "somebody else, after it expired")
    assert redis.get(pool.store.key("lock", "a")) == "somebody else, after it expired"


def test_a_lock_expires_by_itself(pool: Pool) -> None:
    with pool.held("a", 30):
        assert 29_000 < pool.store.redis.pttl(pool.store.key("lock", "a")) <= 30_000


def test_a_prolonged_lock_lasts(pool: Pool) -> None:
    redis = pool.store.redis
    pool.tokens.prolong()
    with pool.held("a", 60), pool.held("b", 60), pool.held("c", 30):
        redis.set(pool.store.key("lock", "b"), "somebody else, after it expired", px=5000)
        for name in ("a", "c"):
            redis.pexpire(pool.store.key("lock", name), 5000)
        pool.tokens.prolong()
        assert 59_000 < redis.pttl(pool.store.key("lock", "a")) <= 60_000
        assert 29_000 < redis.pttl(pool.store.key("lock", "c")) <= 30_000
        assert redis.pttl(pool.store.key("lock", "b")) <= 5000


def test_a_redis_that_dies_under_the_lock_raises_nothing_but_what_was_done_there(
    own_valkey: Valkey,
) -> None:
    with present(own_valkey.url) as pool:
        with pool.held("a"):
            own_valkey.kill()
        with pytest.raises(StoreUnavailable):
            DueRefreshes(pool.store, rate=1).take(1, Room(1))


def test_what_was_saved_survives_the_death_of_redis(own_valkey: Valkey) -> None:
    with connect(own_valkey.url, timeout=5) as redis:
        pool = Pool(Store(redis), Clock(Store(redis).now()))
        pool.fill(web("a"))
        own_valkey.kill()
        own_valkey.start()
        record = pool.members.get("a")
        assert record is not None and record.refresh == "refresh-a-2"
        assert pool.leases.acquire(KIMI).token == "access-a-2"


def test_a_redis_without_append_only_file_is_told_once(own_valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    with connect(own_valkey.url) as redis:
        redis.config_set("appendonly", "no")
        pool = Pool(Store(redis), Clock(Store(redis).now()))
        pool.configure(web("a"))
        with caplog.at_level(logging.WARNING):
            pool.freshen("a")
            pool.freshen("a")
    (warning,) = caplog.records
    assert "appendonly yes" in warning.message


def test_a_disk_that_does_not_keep_up_is_told(own_valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    with connect(own_valkey.url) as redis:
        redis.config_set("appendfsync", "no")
        pool = Pool(Store(redis), Clock(Store(redis).now()))
        pool.tokens = TokenStore(pool.store, disk_seconds=0.05)
        pool.configure(web("a"))
        with caplog.at_level(logging.WARNING):
            pool.freshen("a")
    (warning,) = caplog.records
    assert warning.message == "Redis has not written tokens to its disk within 0.05 s"


def test_a_script_that_fails_is_not_taken_for_saved(pool: Pool) -> None:
    pool.configure(web("a"))
    record = pool.members.get("a")
    assert record is not None
    pool.store.redis.delete(pool.store.key("refresh"))
    pool.store.redis.set(pool.store.key("refresh"), "not a sorted set")
    now = pool.clock.now
    with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
        pool.tokens.save(record, Tokens("x", "y"), issued=now, expires=now, next_due=now)


@pytest.mark.parametrize("why", ["removed", "dead"])
def test_an_account_out_of_service_is_not_due_whatever_comes_late(pool: Pool, why: str) -> None:
    pool.fill(web("a"), web("b"))
    record = pool.members.get("a")
    assert record is not None
    lease = pool.leases.acquire(KIMI)
    assert lease.account.name == "a"
    if why == "removed":
        pool.members.sync([ConfiguredAccount(web("b"), "refresh-b")])
    else:
        pool.members.mark("a", record.version, State.DEAD, "refused")
    now = pool.clock.now
    assert pool.leases.reject(lease)
    assert pool.due() == []
    assert pool.tokens.postpone(record, now, 1)
    assert pool.due() == []


def test_tokens_that_come_for_an_account_that_was_taken_out_are_kept_for_its_return(pool: Pool) -> None:
    pool.configure(web("a"))
    record = pool.members.get("a")
    assert record is not None
    pool.configure()
    now = pool.clock.now
    assert pool.tokens.save(record, Tokens("x", "y"), issued=now, expires=now + 900, next_due=now)
    assert pool.due() == []
    pool.configure(web("a"))
    assert pool.due() == ["a"]
    found = pool.members.get("a")
    assert found is not None and found.refresh == "y"


@pytest.mark.parametrize("is_dead", [False, True])
def test_a_refused_credential_makes_room_for_a_later_one(pool: Pool, is_dead: bool) -> None:
    pool.fill(web("a"))
    record = pool.members.get("a")
    assert record is not None
    if is_dead:
        pool.members.mark("a", 2, State.DEAD, "refused")
    assert pool.tokens.put_back(record, Credential("later", 7))
    found = pool.members.get("a")
    assert found is not None
    assert (found.refresh, found.version, found.state, found.reason) == ("later", 7, State.ACTIVE, "")
    assert pool.due() == ["a"]
    assert pool.leases.acquire(KIMI).token == "access-a-2", "which nobody refused"
    assert not pool.tokens.put_back(record, Credential("later still", 8)), "which was not refused"


INSTEAD: dict[str, Callable[[Pool], object]] = {
    "refreshed": lambda pool: pool.freshen("a"),
    "another credential": lambda pool: pool.members.sync([ConfiguredAccount(web("a"), "another")]),
    "taken out": lambda pool: pool.configure(),
    "banned": lambda pool: pool.members.mark("a", 1, State.BANNED, "closed"),
    "lost": lambda pool: pool.store.redis.flushall(),
}


@pytest.mark.parametrize("happened", INSTEAD)
def test_a_later_credential_is_not_put_back_over_anything_else(pool: Pool, happened: str) -> None:
    pool.configure(web("a"))
    record = pool.members.get("a")
    assert record is not None
    INSTEAD[happened](pool)
    before = pool.members.all()
    assert not pool.tokens.put_back(record, Credential("later", 7))
    assert pool.members.all() == before


def test_an_account_without_an_access_token_is_new_again(pool: Pool) -> None:
    pool.configure(web("a"))
    record = pool.members.get("a")
    assert record is not None
    pool.members.mark("a", 1, State.DEAD, "refused")
    assert pool.tokens.put_back(record, Credential("later", 7))
    found = pool.members.get("a")
    assert found is not None and (found.state, found.due) == (State.NEW, 0.0)
