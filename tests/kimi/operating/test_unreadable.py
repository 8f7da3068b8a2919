"""Accounts that no key opens, and processes with the wrong keys: what the operator is told, and what helps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Record, State, Tokens
from kimi.errors import Unreadable
from kimi.operating.accounts import Accounts, Limits, Refused
from kimi.operating.describing import described, reason_of
from kimi.operating.trial import Trials
from kimi.operating.troubles import UNREADABLE
from kimi.pool.canary import Canary
from kimi.pool.interventions import Interventions
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import Pool, web
from tests.kimi.pool.sealing import everything, with_keys
from tests.kimi.test_accounts_file import token

OURS, THEIRS = new_key(), new_key()
ALICE = token("alice")
ANOTHER = f"accounts: [{{name: alice, refresh_token: {token('bob')}}}]"
MEMBER = ConfiguredAccount(web("alice", proxy="http://proxy:1"), ALICE)


@pytest.fixture
def ours(pool: Pool) -> Pool:
    pool = with_keys(pool, OURS)
    Canary(pool.store).keep()
    return pool


@pytest.fixture
def theirs(ours: Pool) -> Pool:
    """The same as a process sees it that had one key more than all others, and sealed with that."""
    return with_keys(ours, THEIRS, OURS)


@pytest.fixture(params=[(THEIRS,), ()], ids=["another key", "no key"])
def stranger(request: pytest.FixtureRequest, ours: Pool) -> Iterator[Accounts]:
    """Accounts as a process with the wrong keys has them; whatever it tries, all is as before."""
    Interventions(ours.store).enter(MEMBER)
    ours.freshen("alice")
    record = stored(ours)
    ours.members.mark("alice", record.version, State.DEAD, "401")
    before = sorted(everything(ours.store.redis))
    yield Accounts(with_keys(ours, *request.param).store)
    assert sorted(everything(ours.store.redis)) == before


def stored(pool: Pool) -> Record:
    record = pool.members.get("alice")
    assert record is not None
    return record


def test_the_wrong_keys_add_and_replace_nothing(stranger: Accounts) -> None:
    for text in (token("bob"), ANOTHER):
        with pytest.raises(Unreadable):
            stranger.add(text, Kind.KIMI)


def test_the_wrong_keys_edit_nothing(stranger: Accounts) -> None:
    with pytest.raises(Unreadable):
        stranger.edit("alice", Limits(weight=2))


def test_one_that_no_key_opens_says_so_wherever_it_is_asked_for(ours: Pool, theirs: Pool) -> None:
    Interventions(theirs.store).enter(MEMBER)
    accounts = Accounts(ours.store)
    assert described(accounts.get("alice"), ours.clock.now, None)["reason"] == UNREADABLE
    trial = Trials(ours.store, {}).run("alice")
    assert (trial.ok, trial.message) == (False, UNREADABLE)
    with pytest.raises(Refused, match=f"account alice {UNREADABLE}"):
        accounts.refresh("alice", 0)
    with pytest.raises(Refused, match=f"account alice {UNREADABLE}"):
        accounts.edit("alice", Limits(weight=2))
    assert described(Accounts(theirs.store).get("alice"), ours.clock.now, None)["reason"] == ""


def test_an_access_token_that_no_key_opens_is_told_by_a_test(ours: Pool, theirs: Pool) -> None:
    Interventions(theirs.store).enter(MEMBER)
    theirs.freshen("alice")
    trial = Trials(ours.store, {}).run("alice")
    assert (trial.ok, trial.message) == (False, UNREADABLE)


def test_a_reason_that_is_there_stands_unless_no_key_opens_an_account_in_service(ours: Pool, theirs: Pool) -> None:
    Interventions(theirs.store).enter(MEMBER)
    record, now = stored(ours), ours.clock.now
    ours.tokens.postpone(record, now + 60, 1, reason="Unreachable: no way")
    assert reason_of(stored(ours), now) == UNREADABLE
    assert reason_of(stored(theirs), now) == "Unreachable: no way"
    ours.members.mark("alice", record.version, State.DEAD, "401")
    assert reason_of(stored(ours), now) == "401"


def test_an_official_key_that_no_key_opens_says_so_though_it_was_good(ours: Pool, theirs: Pool) -> None:
    Interventions(ours.store).enter(ConfiguredAccount(Account(name="alice", kind=Kind.MOONSHOT), "sk-official-key"))
    for pool, reason in ((ours, ""), (theirs, UNREADABLE)):
        both = Tokens("sk-official-key", "sk-official-key")
        assert pool.tokens.save(stored(pool), both, issued=0, expires=2e9, next_due=2e9)
        assert reason_of(stored(ours), ours.clock.now) == reason


def test_as_long_as_nothing_became_of_a_token_it_is_added_again(ours: Pool, theirs: Pool) -> None:
    Accounts(theirs.store).add(ALICE, Kind.KIMI)
    accounts = Accounts(ours.store)
    (lost,) = accounts.all()
    (taken,) = accounts.add(ALICE, Kind.KIMI)
    assert (taken.outcome, taken.code, taken.name) == ("added", "replaced", lost.account.name)
    assert taken.message == "no key opened it: this takes the place of its old credential"
    assert [record.refresh for record in accounts.all()] == [ALICE]


def test_a_proxy_that_no_key_opens_is_entered_anew(ours: Pool, theirs: Pool) -> None:
    Interventions(theirs.store).enter(MEMBER)
    accounts, entry = (
        Accounts(ours.store),
        f"accounts: [{{name: alice, proxy: 'http://proxy:1', refresh_token: {ALICE}}}]",
    )
    (taken,) = accounts.add(entry, Kind.KIMI)
    assert (taken.outcome, UNREADABLE in taken.message) == ("known", True)
    accounts.delete("alice")
    accounts.add(entry, Kind.KIMI)
    assert (stored(ours).account, stored(ours).refresh) == (MEMBER.account, ALICE)


def test_one_whose_proxy_no_key_opens_makes_no_room_for_another_token(ours: Pool, theirs: Pool) -> None:
    Interventions(theirs.store).enter(MEMBER)
    ours.members.mark("alice", 1, State.DEAD, "401")
    assert [each.code for each in Accounts(ours.store).add(ANOTHER, Kind.KIMI)] == ["name_taken"]


def test_a_dead_one_whose_token_no_key_opens_makes_room(ours: Pool, theirs: Pool) -> None:
    Interventions(theirs.store).enter(ConfiguredAccount(web("alice"), ALICE))
    ours.members.mark("alice", 1, State.DEAD, "401")
    assert [each.code for each in Accounts(ours.store).add(ANOTHER, Kind.KIMI)] == ["replaced"]
    assert (stored(ours).state, stored(ours).refresh) == (State.NEW, token("bob"))


def test_one_that_was_deleted_is_added_again(ours: Pool, theirs: Pool) -> None:
    Accounts(theirs.store).add(ALICE, Kind.KIMI)
    accounts = Accounts(ours.store)
    (lost,) = accounts.all()
    accounts.delete(lost.account.name)
    (taken,) = accounts.add(ALICE, Kind.KIMI)
    assert (taken.outcome, taken.code) == ("added", "added")
    assert [record.refresh for record in accounts.all()] == [ALICE]


def test_what_became_of_a_token_is_not_had_by_adding_it_again(ours: Pool, theirs: Pool) -> None:
    Interventions(theirs.store).enter(MEMBER)
    theirs.freshen("alice")
    (taken,) = Accounts(ours.store).add(ALICE, Kind.KIMI)
    assert (taken.outcome, taken.code) == ("known", "known_out")
    assert taken.message == f"account alice has this credential already, and {UNREADABLE}"
    assert stored(theirs).refresh == "refresh-alice-2"


def test_nor_by_adding_it_again_once_it_was_deleted(ours: Pool, theirs: Pool) -> None:
    Interventions(theirs.store).enter(MEMBER)
    theirs.freshen("alice")
    accounts = Accounts(ours.store)
    accounts.delete("alice")
    (taken,) = accounts.add(ALICE, Kind.KIMI)
    assert (taken.outcome, taken.code) == ("known", "known_out")
    assert UNREADABLE in taken.message
