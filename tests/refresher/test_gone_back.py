"""A store that comes back in an older state: from a backup, a cut log, or a replica that was behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog

from kimi.accounts import ConfiguredAccount, Kind, State
from kimi.errors import Unreachable
from kimi.pool import PrivateAccounts
from kimi.pool.interventions import Interventions
from kimi.pool.private import Adoption, private_account
from kimi.pool.tokens import Credential
from refresher.memory import MOST, Memory
from refresher.outcomes import Outcome
from refresher.stopping import Stop
from tests.kimi.pool.counting import commands
from tests.kimi.pool.pools import Pool
from tests.refresher.conftest import build, snapshot, stored
from tests.refresher.house import ALICE, ByHand
from tests.refresher.vendors import Vendor, token

GoBack = Callable[[], None]
BOB = replace(ALICE, name="bob")


def see(pool: Pool, *memories: Memory) -> None:
    """Let each read all accounts as they stand now."""
    for memory in memories:
        for record in pool.members.all():
            memory.see(record)


@pytest.fixture
def go_back(pool: Pool, refreshing: ByHand) -> GoBack:
    """Brings everything back to where it was before the latest of the exchanges of this account."""
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    go_back = snapshot(pool)
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    return go_back


def test_the_token_that_was_stored_later_is_used(
    pool: Pool, vendor: Vendor, refreshing: ByHand, go_back: GoBack
) -> None:
    go_back()
    with structlog.testing.capture_logs() as lines:
        assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "the store has gone back to an older state, the token that was stored later is tried"
    ]
    assert (stored(pool).refresh, stored(pool).version) == (vendor.current["alice"], 4)
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED


def test_the_exchange_of_what_was_put_back_is_told_beside_that_of_what_was_refused(
    pool: Pool, vendor: Vendor, stop: Stop
) -> None:
    told: list[str] = []
    memory = Memory(pool.members, pool.tokens)
    refreshing = build(pool, vendor, stop, memory, ask_again=lambda: told.append(vendor.asked[-1]))
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    go_back, spent = snapshot(pool), stored(pool).refresh
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert told == []
    go_back()
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert told == [spent]


def test_who_is_told_to_stop_puts_it_back_for_the_next_one(
    pool: Pool, vendor: Vendor, refreshing: ByHand, stop: Stop, go_back: GoBack
) -> None:
    go_back()
    vendor.script = [stop.set]
    vendor.asked.clear()
    assert refreshing.refresh("alice") is Outcome.NOT_DUE
    assert len(vendor.asked) == 1

    newest = vendor.current["alice"]
    with structlog.testing.capture_logs() as lines:
        assert build(pool, vendor, Stop()).refresh("alice") is Outcome.REFRESHED
    assert vendor.asked[1:] == [newest]
    assert not [line for line in lines if "cut off" in line["event"]]


def test_who_is_told_to_stop_begins_nothing(pool: Pool, vendor: Vendor, refreshing: ByHand, stop: Stop) -> None:
    pool.configure(ALICE)
    stop.set()
    assert refreshing.refresh("alice") is Outcome.NOT_DUE
    assert vendor.asked == []


def test_no_token_is_shown_that_the_vendor_itself_has_dated_before_the_one_that_is_remembered(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    vendor.dates = True
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    go_back = snapshot(pool)
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    go_back()
    spent, newest = stored(pool).refresh, vendor.current["alice"]
    vendor.asked.clear()
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert spent != newest
    assert vendor.asked == [newest]
    assert (stored(pool).refresh, stored(pool).version) == (vendor.current["alice"], 4)


def test_who_reads_a_token_of_which_it_knows_a_later_one_puts_that_back_for_those_who_do_not(
    pool: Pool, vendor: Vendor, stop: Stop
) -> None:
    memory = Memory(pool.members, pool.tokens)
    vendor.dates = True
    pool.configure(ALICE)
    refreshing = build(pool, vendor, stop, memory)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    go_back, spent = snapshot(pool), stored(pool).refresh
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    go_back()
    with pool.held("alice"):
        memory.see(stored(pool))
        assert stored(pool).refresh == spent, "somebody is at it, and may store its successor"
    memory.see(stored(pool))
    newcomer = build(pool, vendor, stop)
    assert stored(pool).refresh == vendor.current["alice"]
    assert newcomer.refresh("alice") is Outcome.REFRESHED


def test_who_reads_what_is_known_asks_for_nothing(pool: Pool) -> None:
    memory = Memory(pool.members, pool.tokens)
    pool.configure(ALICE)
    see(pool, memory)
    record = stored(pool)
    assert not commands(pool.store.redis, lambda: memory.see(record))


def test_what_is_paused_has_its_later_token_again_and_stays_paused(pool: Pool, vendor: Vendor, stop: Stop) -> None:
    memory = Memory(pool.members, pool.tokens)
    vendor.dates = True
    pool.configure(ALICE)
    refreshing = build(pool, vendor, stop, memory)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    go_back = snapshot(pool)
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    go_back()
    hands = Interventions(pool.store)
    hands.pause("alice")
    memory.see(stored(pool))
    assert (stored(pool).refresh, stored(pool).state) == (vendor.current["alice"], State.PAUSED)
    assert stored(pool).due is None
    hands.resume("alice")
    assert build(pool, vendor, Stop()).refresh("alice") is Outcome.REFRESHED


def test_a_spent_token_under_a_higher_version_takes_the_place_of_no_later_one(pool: Pool, vendor: Vendor) -> None:
    memories = [Memory(pool.members, pool.tokens) for _ in range(2)]
    vendor.dates = True
    first = token("refresh", 1000, iat=pool.clock.now)
    pool.members.sync([ConfiguredAccount(ALICE, first), ConfiguredAccount(BOB, "bob")])
    for _ in range(3):
        pool.freshen("bob")
    one = build(pool, vendor, Stop(), memories[0])
    assert one.refresh("alice") is Outcome.REFRESHED
    Interventions(pool.store).pause("alice")
    go_back = snapshot(pool)
    Interventions(pool.store).resume("alice")
    pool.clock.now += 600
    assert one.refresh("alice") is Outcome.REFRESHED
    newest = vendor.current["bob"] = vendor.current["alice"]
    see(pool, *memories)
    go_back()
    see(pool, *memories)
    pool.members.sync([ConfiguredAccount(BOB, first)], rotated=memories[0].latest)
    see(pool, *memories)
    remembered = memories[1].of(stored(pool, "bob").fingerprint)
    assert remembered is not None
    assert remembered.refresh == newest
    assert stored(pool, "bob").refresh == newest
    assert build(pool, vendor, Stop()).refresh("bob") is Outcome.REFRESHED


def test_where_the_later_one_was_none_of_the_vendors_the_one_before_is_tried(
    pool: Pool, vendor: Vendor, stop: Stop
) -> None:
    memory = Memory(pool.members, pool.tokens)
    refreshing = build(pool, vendor, stop, memory)
    vendor.dates = True
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    before = stored(pool)
    pool.clock.now += 600
    odd = token("refresh", 99, iat=pool.clock.now)
    memory.remember(before.fingerprint, Credential(odd, before.version + 1))
    vendor.asked.clear()
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert vendor.asked == [odd, before.refresh]
    assert stored(pool).refresh == vendor.current["alice"]


def test_tokens_that_came_meanwhile_are_stored_over_older_ones(
    pool: Pool, vendor: Vendor, refreshing: ByHand, go_back: GoBack
) -> None:
    vendor.script = [go_back]
    pool.clock.now += 600
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert (stored(pool).refresh, stored(pool).version) == (vendor.current["alice"], 4)


def test_one_who_cannot_be_reached_with_the_later_token_is_tried_again(
    pool: Pool, vendor: Vendor, refreshing: ByHand, go_back: GoBack
) -> None:
    go_back()
    vendor.script = [lambda: None, Unreachable("refused", sent=False)]
    assert refreshing.refresh("alice") is Outcome.POSTPONED
    pool.clock.now += 5
    assert refreshing.refresh("alice") is Outcome.REFRESHED


def test_a_dead_account_is_asked_for_once(pool: Pool, vendor: Vendor, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    vendor.current["alice"] = "revoked"
    pool.clock.now += 600
    asked = len(vendor.asked)
    assert refreshing.refresh("alice") is Outcome.DEAD
    assert vendor.asked[asked:] == [stored(pool).refresh]


@pytest.mark.usefixtures("go_back")
def test_a_refresher_whose_tokens_others_have_rotated_since_does_not_offer_them(
    pool: Pool, vendor: Vendor, refreshing: ByHand, stop: Stop
) -> None:
    pool.clock.now += 600
    assert build(pool, vendor, stop).refresh("alice") is Outcome.REFRESHED
    vendor.current["alice"] = "revoked"
    pool.clock.now += 600
    asked = len(vendor.asked)
    assert refreshing.refresh("alice") is Outcome.DEAD
    assert (stored(pool).state, len(vendor.asked)) == (State.DEAD, asked + 1)


def test_of_what_clients_brought_along_only_the_latest_exchanges_are_remembered(pool: Pool) -> None:
    memory = Memory(pool.members, pool.tokens, most=2)
    for number, secret in enumerate(("a", "b", "a", "c")):
        memory.remember(secret, Credential(f"token {number}", number), f"private-{secret}")
    versions = {secret: known.version for secret in "abc" if (known := memory.of(secret, f"private-{secret}"))}
    assert versions == {"a": 2, "c": 3}


def test_of_the_operators_accounts_all_are_remembered_whatever_clients_bring_along(pool: Pool) -> None:
    memory = Memory(pool.members, pool.tokens)
    accounts = [f"operator-{number}" for number in range(MOST + 1)]
    for account in accounts:
        memory.remember(account, Credential("token", 1))
    for number in range(MOST + 1):
        memory.remember("secret", Credential("token", 1), f"private-{number}")
    assert list(memory.latest) == accounts


def test_of_accounts_that_have_left_the_pool_only_the_latest_are_remembered(pool: Pool) -> None:
    memory = Memory(pool.members, pool.tokens, most=5)
    pool.configure(ALICE)
    alice = stored(pool)
    for number in range(20):
        memory.see(replace(alice, account=replace(ALICE, name=f"stays{number}"), fingerprint=f"stays {number}"))
    for number in range(100):
        there = replace(alice, account=replace(ALICE, name=f"goes{number}"), fingerprint=f"goes {number}")
        memory.see(there)
        memory.see(replace(there, configured=False))
    for number in range(100):
        memory.see(replace(alice, fingerprint=f"token {number}"))
    assert {f"stays {number}" for number in range(20)} | {"token 99"} <= {*memory.latest}
    assert len(memory.latest) <= 20 + 1 + 2 * 5


def test_who_left_last_is_remembered_whenever_it_came(pool: Pool) -> None:
    memory = Memory(pool.members, pool.tokens, most=5)
    pool.configure(ALICE)
    alice = stored(pool)
    first = replace(alice, account=replace(ALICE, name="first"), fingerprint="first")
    memory.see(first)
    for number in range(10):
        memory.see(replace(alice, account=replace(ALICE, name=f"goes{number}"), fingerprint=f"{number}"))
    for number in range(10):
        there = replace(alice, account=replace(ALICE, name=f"goes{number}"), fingerprint=f"{number}")
        memory.see(replace(there, configured=False))
    memory.see(replace(first, configured=False))
    assert "first" in memory.latest
    assert len(memory.latest) == 5


def test_what_came_of_a_secret_is_remembered_apart_for_whoever_brought_it_along(pool: Pool) -> None:
    memory = Memory(pool.members, pool.tokens)
    memory.remember("a", Credential("the operator's", 2))
    memory.remember("a", Credential("a client's", 3), "private-a")
    memory.remember("b", Credential("another client's", 2), "private-b")
    assert memory.latest == {"a": Credential("the operator's", 2)}
    assert memory.of("a", "private-a") == Credential("a client's", 3)
    assert memory.of("b") is None


def test_the_token_that_was_stored_later_is_for_nobody_who_brings_a_spent_one_along(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    pool.configure()
    brought = private_account("refresh-alice", Kind.KIMI)
    assert PrivateAccounts(pool.store).adopt(brought) is Adoption.ADOPTED
    vendor.current[brought.account.name] = vendor.current["alice"]
    assert refreshing.refresh(brought.account.name) is Outcome.DEAD
    assert "refresh-alice" in vendor.asked
    pool.configure(ALICE)
    assert refreshing.refresh("alice") is Outcome.REFRESHED


def test_what_became_of_a_token_that_was_brought_along_is_used_for_it(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    brought = private_account("token", Kind.KIMI)
    PrivateAccounts(pool.store).adopt(brought)
    assert refreshing.refresh(brought.account.name) is Outcome.REFRESHED
    go_back = snapshot(pool)
    pool.clock.now += 600
    assert refreshing.refresh(brought.account.name) is Outcome.REFRESHED
    go_back()
    assert refreshing.refresh(brought.account.name) is Outcome.REFRESHED
    assert stored(pool, brought.account.name).refresh == vendor.current[brought.account.name]
