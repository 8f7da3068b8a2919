"""Accounts that a client brings along: whose they are, how long they stay, and what is kept of them."""

from __future__ import annotations

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, State
from kimi.errors import AllBusy, AwaitingToken, NoAccount, Unreadable
from kimi.pool import Lease, PrivateAccounts
from kimi.pool.canary import Canary
from kimi.pool.private import ORIGIN, Adoption, Known, private_account, private_routes
from kimi.sealing_keys import new_key
from tests.kimi.pool.counting import Counting
from tests.kimi.pool.pools import KIMI, Pool, web, wish
from tests.kimi.pool.queueing import PATIENCE, Ear
from tests.kimi.pool.sealing import with_keys

MINE, YOURS = private_account("my token", Kind.KIMI), private_account("your token", Kind.KIMI)
NAME = MINE.account.name


@pytest.fixture
def private(pool: Pool) -> PrivateAccounts:
    return PrivateAccounts(pool.store, idle=1_000, stranger=100, most=3)


def take(pool: Pool, *members: ConfiguredAccount, ticket: str = "", patience: float = 0.0) -> Lease:
    routes = private_routes(["kimi", "kimi-classic"], [member.account.name for member in members])
    return pool.leases.acquire(wish(*routes), ticket=ticket, patience=patience)


def refresh_of(pool: Pool, name: str) -> str:
    record = pool.members.get(name)
    assert record is not None
    return record.refresh


def kill(pool: Pool, name: str) -> None:
    record = pool.members.get(name)
    assert record is not None
    assert pool.members.mark(name, record.version, State.DEAD, "401")


def test_an_unknown_token_is_adopted_and_exchanged_like_any_other(pool: Pool, private: PrivateAccounts) -> None:
    assert private.notice([MINE]) == {}
    assert private.adopt(MINE) is Adoption.ADOPTED
    assert pool.due() == [NAME]
    noticed = private.notice([MINE, YOURS])
    assert noticed == {NAME: Known(NAME, State.NEW, usable=False, routes=noticed[NAME].routes)}
    assert "kimi" in noticed[NAME].routes and not any("@" in route for route in noticed[NAME].routes)
    with pytest.raises(AwaitingToken):
        take(pool, MINE)
    pool.freshen(NAME)
    assert private.notice([MINE])[NAME].usable
    assert take(pool, MINE).account == Account(name=NAME, kind=Kind.KIMI, owner=NAME)
    with pytest.raises(AllBusy):
        take(pool, MINE)


def test_nobody_else_is_served_by_it(pool: Pool, private: PrivateAccounts) -> None:
    pool.fill(web("operator's"))
    private.adopt(MINE)
    private.adopt(YOURS)
    pool.freshen(NAME)
    assert pool.leases.acquire(KIMI).account.name == "operator's"
    with pytest.raises(AllBusy):
        pool.leases.acquire(KIMI)
    with pytest.raises(AwaitingToken):
        take(pool, YOURS)
    assert take(pool, YOURS, MINE).account.name == NAME
    assert not any("@" in route for route in pool.members.routes())
    assert pool.members.summary().usable == 1


def test_the_operators_file_never_touches_it(pool: Pool, private: PrivateAccounts) -> None:
    private.adopt(MINE)
    pool.configure(web("a"))
    pool.configure()
    record = pool.members.get(NAME)
    assert record is not None and record.configured


def test_the_operators_token_is_not_exchanged_in_two_places(pool: Pool, private: PrivateAccounts) -> None:
    pool.members.sync([ConfiguredAccount(web("a"), MINE.secret)])
    pool.freshen("a")
    assert private.adopt(MINE) is Adoption.CONFIGURED
    assert private.notice([MINE]) == {}
    assert pool.members.get(NAME) is None


def test_a_spent_token_of_the_operators_does_not_open_what_became_of_it(pool: Pool, private: PrivateAccounts) -> None:
    operators = ConfiguredAccount(web("a"), MINE.secret)
    pool.members.sync([operators])
    pool.freshen("a")
    pool.members.sync([])
    assert private.adopt(MINE) is Adoption.ADOPTED
    assert refresh_of(pool, NAME) == MINE.secret
    pool.freshen(NAME)
    pool.clock.now += 1_000
    private.forget()
    pool.clock.now += 60
    assert private.forget() == (NAME,)
    assert private.adopt(MINE) is Adoption.ADOPTED
    assert refresh_of(pool, NAME) == MINE.secret
    pool.members.sync([operators])
    assert refresh_of(pool, "a") == "refresh-a-2", "the operator goes on where he was, whatever others made of it"


def test_a_stranger_who_never_came_in_takes_nothing_of_the_operators_away(pool: Pool, private: PrivateAccounts) -> None:
    operators = ConfiguredAccount(web("a"), MINE.secret)
    pool.members.sync([operators])
    pool.freshen("a")
    pool.members.sync([])
    private.adopt(MINE)
    kill(pool, NAME)
    pool.clock.now += 100
    private.forget()
    pool.members.sync([operators])
    assert refresh_of(pool, "a") == "refresh-a-2"


def test_an_operator_who_takes_it_over_goes_on_with_the_newest_token(pool: Pool, private: PrivateAccounts) -> None:
    private.adopt(MINE)
    pool.freshen(NAME)
    newest = refresh_of(pool, NAME)
    assert pool.members.sync([ConfiguredAccount(web("a"), MINE.secret)]).added == ("a",)
    assert refresh_of(pool, "a") == newest
    assert pool.due() == ["a"]
    assert private.notice([MINE]) == {}
    assert private.adopt(MINE) is Adoption.CONFIGURED


def test_an_operator_waits_for_an_exchange_before_he_takes_it_over(pool: Pool, private: PrivateAccounts) -> None:
    private.adopt(MINE)
    with pool.held(NAME):
        assert pool.members.sync([ConfiguredAccount(web("a"), MINE.secret)]).deferred == ("a",)
        assert pool.members.get("a") is None
        assert [record.account.name for record in pool.members.all() if record.configured] == [NAME], "it serves on"


def test_it_is_forgotten_when_nobody_uses_it_and_goes_on_where_it_was_when_its_client_comes_back(
    pool: Pool, private: PrivateAccounts
) -> None:
    private.adopt(MINE)
    pool.freshen(NAME)
    newest = refresh_of(pool, NAME)
    private.notice([MINE])
    pool.clock.now += 999
    assert private.forget() == ()
    private.notice([MINE])
    pool.clock.now += 1_000
    assert private.forget() == ()
    record = pool.members.get(NAME)
    assert record is not None and not record.configured  # those who keep copies hear of it
    pool.clock.now += 60
    assert private.forget() == (NAME,)
    assert pool.members.get(NAME) is None
    left = {key for key in pool.store.redis.scan_iter() if NAME in key}
    assert left == set()

    assert private.notice([MINE]) == {}
    assert private.adopt(MINE) is Adoption.ADOPTED
    assert refresh_of(pool, NAME) == newest
    assert pool.due() == [NAME]


def test_it_is_not_forgotten_in_use(pool: Pool, private: PrivateAccounts) -> None:
    private.adopt(MINE)
    pool.freshen(NAME, lifetime=10_000)
    lease = take(pool, MINE)
    pool.leases.seconds = 10_000
    pool.leases.renew([lease])
    pool.clock.now += 2_000
    private.forget()
    record = pool.members.get(NAME)
    assert record is not None and record.configured
    pool.leases.release(lease)
    with pool.held(NAME):
        pool.clock.now += 60
        private.forget()
        record = pool.members.get(NAME)
        assert record is not None and record.configured


def test_a_stranger_is_forgotten_soon_and_leaves_nothing(pool: Pool, private: PrivateAccounts) -> None:
    private.adopt(MINE)
    kill(pool, NAME)
    assert private.notice([MINE])[NAME].is_dead
    with pytest.raises(NoAccount):
        take(pool, MINE)
    assert private.adopt(MINE) is Adoption.ADOPTED
    assert pool.due() == []  # its state stands: it is not tried again
    pool.clock.now += 100
    private.forget()
    pool.clock.now += 60
    assert private.forget() == (NAME,)
    keys = {key.removeprefix("kimi:{pool}:") for key in pool.store.redis.scan_iter()}
    assert keys <= {"changes", "epoch", "beside", "beside:looked"}


def test_there_are_only_so_many(pool: Pool, private: PrivateAccounts) -> None:
    outcomes = [private.adopt(private_account(f"token {number}", Kind.KIMI)) for number in range(4)]
    assert outcomes == [Adoption.ADOPTED] * 3 + [Adoption.FULL]
    pool.clock.now += 100
    private.forget()
    pool.clock.now += 60
    assert len(private.forget()) == 3
    assert private.adopt(MINE) is Adoption.ADOPTED


def test_a_token_that_only_begins_with_the_same_fingerprint_is_another(private: PrivateAccounts) -> None:
    private.adopt(MINE)
    assert private.notice([ConfiguredAccount(MINE.account, "another token")]) == {}


def test_an_account_of_the_same_name_is_left_to_whoever_has_it(pool: Pool, private: PrivateAccounts) -> None:
    private.adopt(MINE)
    assert private.adopt(ConfiguredAccount(MINE.account, "another token")) is Adoption.CONFIGURED
    assert refresh_of(pool, NAME) == MINE.secret
    pool.configure(web(YOURS.account.name))
    assert private.adopt(YOURS) is Adoption.CONFIGURED
    record = pool.members.get(YOURS.account.name)
    assert record is not None and record.account.owner == ""


def test_another_kind_of_all_such_accounts_is_taken(private: PrivateAccounts) -> None:
    private.adopt(MINE)
    classic = private_account(MINE.secret, Kind.CLASSIC)
    assert private.notice([classic]) == {}
    assert private.adopt(classic) is Adoption.ADOPTED
    assert private.notice([classic])[NAME].routes == ("kimi-classic",)


def test_one_that_is_exchanged_just_now_under_another_name_is_taken_later(pool: Pool, private: PrivateAccounts) -> None:
    pool.members.sync([ConfiguredAccount(web("a"), MINE.secret)])
    with pool.held("a"):
        pool.members.sync([])
        assert private.adopt(MINE) is Adoption.LATER


def test_whoever_waits_for_it_hears_of_its_death(pool: Pool, private: PrivateAccounts, ear: Ear) -> None:
    private.adopt(MINE)
    with pytest.raises(AwaitingToken):
        take(pool, MINE, ticket="w.1", patience=PATIENCE)
    assert ear.calls() == []
    kill(pool, NAME)
    assert ear.calls() == ["w.1"]


def test_tickets_of_dead_workers_vanish_from_its_queue(pool: Pool, private: PrivateAccounts) -> None:
    private.adopt(MINE)
    with pytest.raises(AwaitingToken):
        take(pool, MINE, ticket="w.1", patience=PATIENCE)
    queue = pool.store.key("route", f"kimi@{NAME}", "queue")
    assert 0 < pool.store.redis.pttl(queue) <= (3600 + PATIENCE + 1) * 1000


def test_what_is_told_of_them_shows_no_token(pool: Pool, private: PrivateAccounts) -> None:
    private.adopt(MINE)
    assert MINE.secret not in repr(MINE) + repr(private.notice([MINE])) + repr(pool.members.get(NAME))
    assert pool.store.redis.hget(pool.store.key("account", NAME), "origin") == ORIGIN


def test_what_no_key_opens_is_replaced_by_the_token_that_comes_now(plain: Pool) -> None:
    right, wrong = with_keys(plain, new_key()), with_keys(plain, new_key())
    PrivateAccounts(wrong.store).adopt(MINE)
    Canary(right.store).keep()
    PrivateAccounts(right.store).adopt(YOURS)
    right.freshen(YOURS.account.name)
    with pytest.raises(Unreadable):
        refresh_of(right, NAME)
    PrivateAccounts(right.store).notice([MINE, YOURS])
    assert refresh_of(right, NAME) == MINE.secret
    assert refresh_of(right, YOURS.account.name).endswith("-2")
    assert right.due() == [NAME]


def test_who_has_the_wrong_keys_or_cannot_know_replaces_nothing(plain: Pool) -> None:
    right, other = with_keys(plain, new_key()), with_keys(plain, new_key())
    PrivateAccounts(right.store).adopt(MINE)
    PrivateAccounts(other.store).notice([MINE])
    assert refresh_of(right, NAME) == MINE.secret, "no refresher has had keys so far"
    before = plain.store.redis.hgetall(plain.store.key("account", NAME))
    Canary(right.store).keep()
    PrivateAccounts(other.store).notice([MINE])
    PrivateAccounts(right.store).notice([MINE])
    assert plain.store.redis.hgetall(plain.store.key("account", NAME)) == before


def test_tokens_that_wait_are_looked_at_in_one_round_trip(plain: Pool) -> None:
    right, wrong = with_keys(plain, new_key()), with_keys(plain, new_key())
    members = [private_account(f"token {number}", Kind.KIMI) for number in range(20)]
    Canary(right.store).keep()
    for member in members:
        PrivateAccounts(right.store).adopt(member)
    for pool in (right, wrong):
        counting = Counting(pool.store.redis, vault=pool.store.vault, clock=pool.clock)
        assert len(PrivateAccounts(counting).notice(members)) == 20
        assert counting.trips == (1 if pool is right else 2), "one more for the word that shows the right keys"


def test_who_has_the_wrong_keys_takes_nobody_in(plain: Pool) -> None:
    right, other = with_keys(plain, new_key()), with_keys(plain, new_key())
    Canary(right.store).keep()
    for wrong in (other, plain):
        with pytest.raises(Unreadable):
            PrivateAccounts(wrong.store).adopt(MINE)
    assert right.members.get(NAME) is None


def test_what_a_token_was_exchanged_for_stays_where_a_process_without_the_newest_key_comes(plain: Pool) -> None:
    old, new = new_key(), new_key()
    forgotten, others = with_keys(plain, old), with_keys(plain, new, old)
    Canary(forgotten.store).keep()
    PrivateAccounts(forgotten.store).adopt(MINE)
    others.freshen(NAME, lifetime=10)
    plain.clock.now += 10
    known = PrivateAccounts(forgotten.store).notice([MINE])
    assert not known[NAME].usable
    assert PrivateAccounts(forgotten.store).adopt(MINE) is Adoption.ADOPTED
    assert refresh_of(others, NAME) == f"refresh-{NAME}-2"
