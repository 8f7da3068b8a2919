"""Several refreshers, and a store that goes back: whoever condemns an account, one who remembers brings it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog

from kimi.accounts import ConfiguredAccount, State
from kimi.pool.tokens import Credential
from refresher.memory import Memory
from refresher.outcomes import Outcome
from refresher.stopping import Stop
from tests.kimi.pool.pools import KIMI, Pool
from tests.refresher.conftest import OFFICIAL, build, snapshot, stored
from tests.refresher.house import ALICE
from tests.refresher.vendors import Vendor


class Replica:
    """One refresher: its memory is its own."""

    def __init__(self, pool: Pool, vendor: Vendor) -> None:
        self.memory = Memory(pool.members, pool.tokens)
        self._refreshing = build(pool, vendor, Stop(), self.memory)

    def refresh(self, name: str = "alice") -> Outcome | None:
        return self._refreshing.refresh(name)


Replicas = tuple[Replica, Replica]


@pytest.fixture
def replicas(pool: Pool, vendor: Vendor) -> Replicas:
    """One that has just been started, and one that has exchanged the token of the file for the newest but one."""
    pool.configure(ALICE)
    newcomer, keeper = Replica(pool, vendor), Replica(pool, vendor)
    assert keeper.refresh() is Outcome.REFRESHED
    pool.clock.now += 600
    return newcomer, keeper


@pytest.mark.parametrize(
    "look", [lambda memory: memory.look("alice"), lambda memory: memory.look_at_all()], ids=["at one", "at all"]
)
def test_who_remembers_the_newest_token_brings_back_what_another_condemned(
    pool: Pool, vendor: Vendor, replicas: Replicas, look: Callable[[Memory], None]
) -> None:
    newcomer, keeper = replicas
    go_back = snapshot(pool)
    assert keeper.refresh() is Outcome.REFRESHED
    go_back()
    assert newcomer.refresh() is Outcome.DEAD
    look(newcomer.memory)
    assert stored(pool).state is State.DEAD
    with structlog.testing.capture_logs() as lines:
        look(keeper.memory)
        look(keeper.memory)
    assert [line["event"] for line in lines] == [
        "the store has gone back to an older state, the token that was stored later is tried"
    ]
    assert stored(pool).state is State.ACTIVE
    assert newcomer.refresh() is Outcome.REFRESHED
    assert (stored(pool).refresh, stored(pool).version) == (vendor.current["alice"], 4)


def test_what_was_stored_before_all_of_them_is_not_tried(pool: Pool, vendor: Vendor, replicas: Replicas) -> None:
    _, keeper = replicas
    pool.leases.reject(pool.leases.acquire(KIMI))
    go_back = snapshot(pool)
    older = stored(pool).refresh
    assert keeper.refresh() is Outcome.REFRESHED
    newer = stored(pool).refresh
    go_back()
    vendor.current["alice"] = "revoked"
    vendor.asked.clear()
    assert keeper.refresh() is Outcome.DEAD
    assert vendor.asked == [older, newer]


def test_several_tokens_are_tried_in_their_order_until_one_is_good(
    pool: Pool, vendor: Vendor, replicas: Replicas
) -> None:
    newcomer, older = replicas
    newer = Replica(pool, vendor)
    assert newer.refresh() is Outcome.REFRESHED
    pool.store.redis.flushall()
    pool.configure(ALICE)
    for replica in (older, newer):
        assert newcomer.refresh() is Outcome.DEAD
        replica.memory.look("alice")
    assert newcomer.refresh() is Outcome.REFRESHED
    assert stored(pool).refresh == vendor.current["alice"]


def test_tokens_that_are_all_refused_are_tried_once_each(pool: Pool, vendor: Vendor, replicas: Replicas) -> None:
    newcomer, older = replicas
    newer = Replica(pool, vendor)
    assert newer.refresh() is Outcome.REFRESHED
    vendor.current["alice"] = "revoked"
    pool.store.redis.flushall()
    pool.configure(ALICE)
    asked = len(vendor.asked)
    for _ in range(4):
        for replica in (newcomer, newer, older):
            replica.refresh()
            for other in (older, newer, newcomer):
                other.memory.look("alice")
    assert stored(pool).state is State.DEAD
    assert len(set(vendor.asked[asked:])) == len(vendor.asked[asked:]) == 3


def test_a_store_that_lost_everything_is_put_right_also_when_another_filled_it(
    pool: Pool, vendor: Vendor, replicas: Replicas
) -> None:
    newcomer, keeper = replicas
    pool.store.redis.flushall()
    pool.members.sync([ConfiguredAccount(ALICE, "refresh-alice")], rotated=newcomer.memory.latest)
    assert newcomer.refresh() is Outcome.DEAD
    keeper.memory.look("alice")
    assert stored(pool).state is State.NEW
    assert newcomer.refresh() is Outcome.REFRESHED
    assert stored(pool).refresh == vendor.current["alice"]


@pytest.mark.parametrize("dates", [False, True])
def test_a_token_that_nobody_refused_stays_whatever_is_remembered(
    pool: Pool, vendor: Vendor, replicas: Replicas, *, dates: bool
) -> None:
    newcomer, keeper = replicas
    vendor.dates = dates
    assert keeper.refresh() is Outcome.REFRESHED
    pool.clock.now += 1
    pool.store.redis.flushall()
    pool.configure(ALICE)
    vendor.current["alice"] = "refresh-alice"
    assert newcomer.refresh() is Outcome.REFRESHED
    assert stored(pool).version < max(known.version for known in keeper.memory.latest.values())
    keeper.memory.look("alice")
    keeper.memory.look_at_all()
    assert stored(pool).refresh == vendor.current["alice"]
    pool.clock.now += 600
    assert keeper.refresh() is Outcome.REFRESHED


def test_an_account_that_is_really_dead_costs_a_look(pool: Pool, vendor: Vendor, replicas: Replicas) -> None:
    newcomer, _ = replicas
    vendor.current["alice"] = "revoked"
    asked = len(vendor.asked)
    assert newcomer.refresh() is Outcome.DEAD
    dead = stored(pool)
    for replica in replicas:
        replica.memory.look("alice")
        replica.memory.look_at_all()
        assert replica.refresh() is None
    assert (stored(pool), len(vendor.asked)) == (dead, asked + 1)


def test_what_the_operator_brings_for_a_dead_account_is_not_touched(pool: Pool, replicas: Replicas) -> None:
    newcomer, keeper = replicas
    keeper.memory.remember(stored(pool).fingerprint, Credential("later", 9))
    assert newcomer.refresh() is Outcome.REFRESHED
    pool.members.mark("alice", 3, State.DEAD, "refused")
    pool.members.sync([ConfiguredAccount(ALICE, "another")])
    keeper.memory.look("alice")
    assert stored(pool).refresh == "another"
    pool.members.mark("alice", 4, State.DEAD, "refused")
    keeper.memory.look("alice")
    assert (stored(pool).refresh, stored(pool).state) == ("another", State.DEAD)


def test_an_account_out_of_the_configuration_stays_out(pool: Pool, replicas: Replicas) -> None:
    _, keeper = replicas
    keeper.memory.remember(stored(pool).fingerprint, Credential("later", 9))
    pool.members.mark("alice", 2, State.DEAD, "refused")
    pool.configure()
    keeper.memory.look("alice")
    keeper.memory.look("nobody")
    assert (stored(pool).state, stored(pool).version) == (State.DEAD, 2)


def test_a_key_has_no_successor(pool: Pool, vendor: Vendor) -> None:
    pool.configure(OFFICIAL)
    replica = Replica(pool, vendor)
    assert replica.refresh("official") is Outcome.REFRESHED
    pool.store.redis.flushall()
    pool.configure(OFFICIAL)
    pool.members.mark("official", 1, State.DEAD, "incorrect API key")
    replica.memory.look("official")
    assert stored(pool, "official").state is State.DEAD


def test_a_token_that_came_too_late_finds_its_account_under_another_name(
    pool: Pool, vendor: Vendor, replicas: Replicas
) -> None:
    newcomer, keeper = replicas

    def lose_the_lock_and_the_name() -> None:
        pool.store.redis.delete(pool.store.key("lock", "alice"))
        pool.members.sync([ConfiguredAccount(replace(ALICE, name="bob"), "refresh-alice")])

    vendor.script = [lose_the_lock_and_the_name]
    keeper.refresh()
    vendor.current["bob"] = vendor.current["alice"]  # the login is the same
    assert newcomer.refresh("bob") is Outcome.DEAD
    keeper.memory.look("bob")
    assert newcomer.refresh("bob") is Outcome.REFRESHED
