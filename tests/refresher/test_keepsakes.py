"""What the operator did by hand survives a store that has lost everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from kimi.accounts import Account, ConfiguredAccount, Kind, Origin, State, Tokens
from kimi.errors import StoreUnavailable
from kimi.pool import Members, PrivateAccounts, Store, connect
from kimi.pool.canary import Canary
from kimi.pool.changes import Changes
from kimi.pool.interventions import Interventions
from kimi.pool.private import private_account
from kimi.pool.tokens import Credential
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from refresher.accounts_source import AccountsSource
from refresher.keepsakes import CHECK_SECONDS, RESTORE_SECONDS, Keepsakes
from refresher.memory import Memory
from refresher.roster import Roster
from tests.kimi.pool.pools import Pool, web
from tests.kimi.pool.sealing import with_keys
from tests.ports import free_port
from tests.refresher.conftest import snapshot, stored
from tests.refresher.rosters import go_on_with_another_line_of_writes


@pytest.fixture
def hands(pool: Pool) -> Interventions:
    return Interventions(pool.store)


@pytest.fixture
def memory(pool: Pool) -> Memory:
    return Memory(pool.members, pool.tokens)


@pytest.fixture
def keepsakes(pool: Pool, hands: Interventions, memory: Memory) -> Keepsakes:
    return Keepsakes(pool.members, Changes(pool.store), hands, memory, clock=pool.clock)


def check(keepsakes: Keepsakes, pool: Pool, times: int = 1) -> None:
    for _ in range(times):
        pool.clock.now += CHECK_SECONDS
        keepsakes.check()


def test_an_account_that_was_added_by_hand_comes_back_with_its_newest_token(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes
) -> None:
    hands.enter(ConfiguredAccount(web("a", weight=3, requests_per_minute=5), "T"))
    check(keepsakes, pool)
    pool.freshen("a")
    check(keepsakes, pool)
    before = stored(pool, "a")
    pool.store.redis.flushall()
    check(keepsakes, pool)
    after = stored(pool, "a")
    assert (after.account, after.refresh, after.fingerprint) == (before.account, "refresh-a-2", before.fingerprint)
    assert after.version >= before.version
    assert (after.origin, after.state, after.due) == (Origin.OPERATOR, State.NEW, 0)
    assert hands.holder("T") == "a"


def test_a_token_that_came_to_this_process_and_was_lost_at_once_is_tried(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes, memory: Memory
) -> None:
    hands.enter(ConfiguredAccount(web("a"), "T"))
    check(keepsakes, pool)
    memory.remember(stored(pool, "a").fingerprint, Credential("rotated", 7))
    pool.store.redis.flushall()
    check(keepsakes, pool)
    assert (stored(pool, "a").refresh, stored(pool, "a").version) == ("rotated", 7)


def test_one_whose_token_was_replaced_comes_back_with_the_new_one(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes, memory: Memory
) -> None:
    hands.enter(ConfiguredAccount(web("a", weight=3), "T"))
    memory.remember(stored(pool, "a").fingerprint, Credential("rotated", 9))
    check(keepsakes, pool)
    pool.members.mark("a", stored(pool, "a").version, State.DEAD, "why")
    hands.enter(ConfiguredAccount(web("a"), "U"))
    check(keepsakes, pool)
    pool.store.redis.flushall()
    check(keepsakes, pool)
    after = stored(pool, "a")
    assert (after.account, after.refresh, after.state) == (web("a", weight=3), "U", State.NEW)
    assert (hands.holder("T"), hands.holder("U")) == (None, "a")


def test_what_was_deleted_stays_so(pool: Pool, hands: Interventions, keepsakes: Keepsakes) -> None:
    hands.enter(ConfiguredAccount(web("a"), "T"))
    check(keepsakes, pool)
    hands.delete("a")
    check(keepsakes, pool)
    pool.store.redis.flushall()
    check(keepsakes, pool, times=3)
    assert pool.members.all() == []


def test_a_refresher_that_did_not_hear_of_a_deletion_does_not_undo_it(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes
) -> None:
    hands.enter(ConfiguredAccount(web("a"), "T"))
    hands.enter(ConfiguredAccount(web("b"), "U"))
    check(keepsakes, pool)
    hands.delete("a")
    pool.store.redis.set(pool.store.key("changes"), 1)  # as if the store had lost something meanwhile
    check(keepsakes, pool, times=3)
    assert [record.account.name for record in pool.members.all() if record.configured] == ["b"]


def test_a_paused_account_comes_back_paused(pool: Pool, hands: Interventions, keepsakes: Keepsakes) -> None:
    hands.enter(ConfiguredAccount(web("a"), "T"))
    hands.pause("a")
    check(keepsakes, pool)
    pool.store.redis.flushall()
    check(keepsakes, pool)
    assert stored(pool, "a").state is State.PAUSED


def test_one_of_several_that_is_lost_comes_back(pool: Pool, hands: Interventions, keepsakes: Keepsakes) -> None:
    names = [f"a{i}" for i in range(5)]
    for name in names:
        hands.enter(ConfiguredAccount(web(name), f"secret of {name}"))
    check(keepsakes, pool)
    pool.store.redis.delete(pool.store.key("account", "a3"))
    check(keepsakes, pool, times=5)
    assert [record.account.name for record in pool.members.all()] == names


def test_an_older_state_of_the_store_gets_what_was_added_since(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes
) -> None:
    hands.enter(ConfiguredAccount(web("old"), "T"))
    go_back = snapshot(pool)
    hands.enter(ConfiguredAccount(web("new"), "U"))
    check(keepsakes, pool)
    go_back()
    check(keepsakes, pool)
    assert sorted(record.account.name for record in pool.members.all()) == ["new", "old"]


def test_accounts_of_the_file_are_paused_and_limited_again(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes, memory: Memory, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text("accounts:\n" + "".join(f"  - {{name: {n}, kind: moonshot, api_key: sk-{n}}}\n" for n in "abc"))
    roster = Roster(AccountsSource(file), pool.members, memory, clock=pool.clock, added=keepsakes.restore)
    roster.start()
    hands.pause("a")
    hands.edit("b", lambda account: replace(account, weight=7))
    check(keepsakes, pool)
    pool.store.redis.flushall()
    pool.clock.now += CHECK_SECONDS
    roster.check()
    assert [stored(pool, name).state for name in "abc"] == [State.PAUSED, State.NEW, State.NEW]
    assert [stored(pool, name).account.weight for name in "abc"] == [1, 7, 1]
    assert [stored(pool, name).edited for name in "abc"] == [False, True, False]


@pytest.mark.parametrize("others", [0, 1000])
def test_what_another_refresher_took_from_the_file_anew_is_paused_and_limited_again(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes, others: int
) -> None:
    pool.fill(web("a"), web("b"), web("c"))
    hands.pause("a")
    hands.edit("b", lambda account: replace(account, weight=7))
    check(keepsakes, pool)
    pool.store.redis.flushall()
    pool.store.redis.set(pool.store.key("changes"), others)  # so much has happened before this one looks
    pool.configure(web("a"), web("b"), web("c"))
    check(keepsakes, pool)
    assert [stored(pool, name).state for name in "abc"] == [State.PAUSED, State.NEW, State.NEW]
    assert [stored(pool, name).account.weight for name in "abc"] == [1, 7, 1]
    pool.clock.now += RESTORE_SECONDS
    hands.resume("a")
    check(keepsakes, pool, times=2)
    assert stored(pool, "a").state is State.NEW


def test_one_that_is_dead_for_a_moment_after_a_loss_is_paused_when_it_lives(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes, memory: Memory
) -> None:
    pool.fill(web("a"))
    hands.pause("a")
    check(keepsakes, pool)
    pool.store.redis.flushall()
    pool.configure(web("a"))  # by another refresher, who knows only what the file holds
    check(keepsakes, pool)
    pool.members.mark("a", stored(pool, "a").version, State.DEAD, "it was spent long ago")
    memory.look("a")
    pool.freshen("a")
    assert stored(pool, "a").state is State.ACTIVE
    check(keepsakes, pool)
    assert (stored(pool, "a").state, stored(pool, "a").refresh) == (State.PAUSED, "refresh-a-3")


def test_what_is_changed_after_a_restart_without_a_loss_stays_so(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes, memory: Memory
) -> None:
    pool.fill(web("a"), web("b"))
    hands.pause("a")
    hands.edit("b", lambda account: replace(account, weight=7))
    check(keepsakes, pool)
    go_on_with_another_line_of_writes(pool)
    with structlog.testing.capture_logs() as lines:
        check(keepsakes, pool)
        assert memory.standings.losses == 1
        hands.resume("a")
        hands.edit("b", lambda account: replace(account, weight=3))
        check(keepsakes, pool, times=2)
    assert (stored(pool, "a").state, stored(pool, "b").account.weight) == (State.ACTIVE, 3)
    assert lines == []


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_a_server_that_took_over_has_not_heard_is_done_again_and_told(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes, *, by_hand: bool
) -> None:
    if by_hand:
        hands.enter(ConfiguredAccount(web("a"), "T"))
    else:
        pool.configure(web("a"))
    check(keepsakes, pool)
    go_back = snapshot(pool)
    hands.pause("a")
    hands.edit("a", lambda account: replace(account, weight=7))
    check(keepsakes, pool)
    go_back()
    go_on_with_another_line_of_writes(pool)
    with structlog.testing.capture_logs() as lines:
        check(keepsakes, pool, times=2)
    assert (stored(pool, "a").state, stored(pool, "a").account.weight) == (State.PAUSED, 7)
    assert [line["accounts"] for line in lines] == ["a"]


def test_one_that_left_the_file_after_a_loss_is_forgotten(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes
) -> None:
    pool.fill(web("a"), web("b"))
    hands.pause("a")
    check(keepsakes, pool)
    pool.store.redis.flushall()
    pool.configure(web("a"), web("b"))
    check(keepsakes, pool)
    pool.configure(web("b"))
    check(keepsakes, pool)
    pool.configure(web("a"), web("b"))
    hands.resume("a")
    check(keepsakes, pool, times=2)
    assert stored(pool, "a").state is State.NEW


def test_one_that_is_entered_by_hand_in_the_place_of_one_of_the_file_after_a_loss_is_remembered(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes
) -> None:
    pool.fill(web("a"))
    hands.pause("a")
    check(keepsakes, pool)
    pool.store.redis.flushall()
    hands.enter(ConfiguredAccount(web("b"), "T"))
    check(keepsakes, pool)
    hands.enter(ConfiguredAccount(web("a"), "U"))
    check(keepsakes, pool)
    assert stored(pool, "a").state is State.NEW
    pool.store.redis.flushall()
    check(keepsakes, pool)
    assert {record.account.name: record.origin for record in pool.members.all()} == dict.fromkeys("ab", Origin.OPERATOR)


def test_tokens_that_came_to_another_refresher_are_remembered(
    pool: Pool, keepsakes: Keepsakes, memory: Memory, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text("accounts:\n  - {name: a, kind: kimi, refresh_token: T}\n")
    roster = Roster(AccountsSource(file), pool.members, memory, clock=pool.clock, added=keepsakes.restore)
    roster.start()
    pool.freshen("a")  # as another process would
    pool.freshen("a")
    check(keepsakes, pool)
    before = stored(pool, "a")
    pool.store.redis.flushall()
    pool.clock.now += CHECK_SECONDS
    roster.check()
    after = stored(pool, "a")
    assert (after.refresh, after.version) == (before.refresh, before.version) == ("refresh-a-3", 3)


def test_an_official_key_that_another_has_sealed_so_that_it_cannot_be_opened_is_sealed_anew(
    pool: Pool, keepsakes: Keepsakes
) -> None:
    key, account = new_key(), Account(name="key", kind=Kind.MOONSHOT)
    pool.store.vault = Vault([key])
    Canary(pool.store).keep()
    pool.configure(account)
    check(keepsakes, pool)
    other = with_keys(pool, new_key(), key)
    for _ in range(2):
        record, both = stored(other, "key"), Tokens("refresh-key", "refresh-key")
        assert other.tokens.save(record, both, issued=0, expires=2e9, next_due=2e9, models=("kimi-k3",))
        assert not stored(pool, "key").is_readable
        check(keepsakes, pool)
        mended = stored(pool, "key")
        assert (mended.refresh, mended.access) == ("refresh-key", "refresh-key")
        assert mended.version == record.version + 1


def test_two_that_have_a_key_of_their_own_beside_a_common_one_do_not_seal_it_anew_in_turns(pool: Pool) -> None:
    common, account = new_key(), Account(name="key", kind=Kind.MOONSHOT)
    pool.store.vault = Vault([common])
    Canary(pool.store).keep()
    pool.configure(account)
    both = [with_keys(pool, new_key(), common) for _ in range(2)]
    replicas = [
        Keepsakes(
            each.members,
            Changes(each.store),
            Interventions(each.store),
            Memory(each.members, each.tokens),
            clock=pool.clock,
        )
        for each in both
    ]
    for replica in replicas:
        check(replica, pool)
    tokens = Tokens("refresh-key", "refresh-key")
    assert both[0].tokens.save(stored(both[0], "key"), tokens, issued=0, expires=2e9, next_due=2e9)
    assert not stored(both[1], "key").is_readable
    for replica in replicas:
        check(replica, pool)
    texts = stored(pool, "key").stored_refresh, stored(pool, "key").stored_access
    assert all(stored(each, "key").is_readable for each in (pool, *both))
    for replica in replicas * 2:
        check(replica, pool)
    assert (stored(pool, "key").stored_refresh, stored(pool, "key").stored_access) == texts


def test_tokens_of_clients_are_not_remembered(pool: Pool, keepsakes: Keepsakes, memory: Memory) -> None:
    PrivateAccounts(pool.store).adopt(private_account("refresh-of-a-client", Kind.KIMI))
    check(keepsakes, pool)
    assert memory.latest == {}


def test_the_file_may_hold_by_then_what_was_added_by_hand(
    pool: Pool, hands: Interventions, keepsakes: Keepsakes
) -> None:
    hands.enter(ConfiguredAccount(web("mine"), "T"))
    check(keepsakes, pool)
    pool.store.redis.flushall()
    pool.members.sync([ConfiguredAccount(web("filed"), "T")])
    check(keepsakes, pool, times=2)
    assert [record.account.name for record in pool.members.all()] == ["filed"]


def test_a_look_costs_nothing_before_it_is_due_and_a_lost_store_is_told(memory: Memory) -> None:
    now = 0.0
    with connect(f"redis://127.0.0.1:{free_port()}/0") as redis:
        store = Store(redis)
        keepsakes = Keepsakes(Members(store), Changes(store), Interventions(store), memory, clock=lambda: now)
        with pytest.raises(StoreUnavailable):
            keepsakes.check()
        keepsakes.check()
        now = CHECK_SECONDS
        with pytest.raises(StoreUnavailable):
            keepsakes.check()
