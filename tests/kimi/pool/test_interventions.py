"""What the operator does to accounts while they are in use, and that no token is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Origin, Record, Region, State, Tokens
from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool import Lease, Members, PrivateAccounts, Store, connect
from kimi.pool.changes import Changes
from kimi.pool.disk import until_on_disk
from kimi.pool.interventions import Deleted, Entered, Interventions
from kimi.pool.private import private_account
from tests.kimi.pool.pools import KIMI, Pool, rest, web, wish
from tests.kimi.pool.queueing import Ear
from tests.valkey import Valkey


@pytest.fixture
def hands(pool: Pool) -> Interventions:
    return Interventions(pool.store)


@pytest.fixture
def woken(pool: Pool) -> Iterator[Any]:
    """The accounts for which the refresher is woken; read it with `heard`."""
    pubsub = pool.store.redis.pubsub()
    pubsub.subscribe(pool.store.key("wake"))
    assert pubsub.get_message(timeout=1)["type"] == "subscribe"
    yield pubsub
    pubsub.close()


def heard(pubsub: Any) -> list[str]:
    names = []
    while message := pubsub.get_message(timeout=0.05):
        names.append(message["data"])
    return names


def stored(pool: Pool, name: str = "a") -> Record:
    record = pool.members.get(name)
    assert record is not None
    return record


def entered(name: str, secret: str, **options: object) -> ConfiguredAccount:
    return ConfiguredAccount(web(name, **options), secret)


def save(pool: Pool, record: Record, refresh: str) -> bool:
    now = pool.clock.now
    return pool.tokens.save(record, Tokens("access", refresh), issued=now, expires=now + 900, next_due=now + 450)


def changes(pool: Pool) -> int:
    return int(pool.store.redis.get(pool.store.key("changes")) or 0)


class TestPausing:
    def test_it_serves_no_more_until_it_is_resumed(self, pool: Pool, hands: Interventions, woken: Any) -> None:
        pool.fill(web("a"))
        heard(woken)
        before = changes(pool)
        assert hands.pause("a") is State.ACTIVE
        assert (stored(pool).state, stored(pool).due) == (State.PAUSED, None)
        assert changes(pool) == before + 1
        assert pool.members.summary().usable == 0
        with pytest.raises(NoAccount):
            pool.leases.acquire(KIMI)
        assert hands.pause("a") is State.PAUSED
        assert changes(pool) == before + 1, "nothing has changed"
        assert hands.resume("a") is State.PAUSED
        assert (stored(pool).state, stored(pool).due) == (State.ACTIVE, 0)
        assert pool.leases.acquire(KIMI).account.name == "a"
        assert heard(woken) == ["a"]

    def test_answers_that_run_are_left_alone(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", max_concurrency=2))
        lease = pool.leases.acquire(KIMI)
        hands.pause("a")
        pool.leases.renew([lease])
        assert pool.count("a") == 1
        pool.leases.release(lease, served=True)
        assert (pool.count("a"), stored(pool).state) == (0, State.PAUSED)

    def test_one_without_a_token_is_new_again(self, pool: Pool, hands: Interventions) -> None:
        pool.configure(web("a"))
        assert hands.pause("a") is State.NEW
        assert pool.tokens.due() == []
        assert hands.resume("a") is State.PAUSED
        assert stored(pool).state is State.NEW
        assert pool.tokens.due() == ["a"]

    def test_a_token_that_comes_meanwhile_is_stored(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        record = stored(pool)
        hands.pause("a")
        assert save(pool, record, "rotated")
        assert (stored(pool).state, stored(pool).refresh, stored(pool).due) == (State.PAUSED, "rotated", None)

    @pytest.mark.parametrize("state", [State.DEAD, State.BANNED])
    def test_one_that_is_out_of_service_stays_so(self, pool: Pool, hands: Interventions, state: State) -> None:
        pool.fill(web("a"))
        pool.members.mark("a", stored(pool).version, state, "why")
        assert hands.pause("a") is state
        assert hands.resume("a") is state
        assert (stored(pool).state, stored(pool).reason) == (state, "why")

    def test_a_client_that_waits_for_its_own_account_is_told(self, pool: Pool, hands: Interventions, ear: Ear) -> None:
        member = private_account("token", Kind.KIMI)
        name = member.account.name
        PrivateAccounts(pool.store).adopt(member)
        with pytest.raises(AwaitingToken):
            pool.leases.acquire(wish(f"kimi@{name}"), ticket="w.1", patience=30)
        hands.pause(name)
        assert ear.calls() == ["w.1"]


class TestClearing:
    def test_nothing_of_what_befell_it_counts(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", requests_per_minute=2))
        first = pool.leases.acquire(KIMI)
        pool.leases.release(first, rest=rest(300))
        assert stored(pool).cool_until > pool.clock.now
        assert hands.clear("a") is State.ACTIVE
        second = pool.leases.acquire(KIMI)
        pool.leases.release(second, rest=rest(300, model="kimi"))
        with pytest.raises(NoAccount):
            pool.leases.acquire(KIMI)
        pool.leases.release(pool.leases.acquire(wish(model="another")))
        with pytest.raises(AllBusy):  # two requests a minute
            pool.leases.acquire(wish(model="another"))
        hands.clear("a")
        assert pool.leases.acquire(KIMI).account.name == "a"
        assert stored(pool).cool_reason == ""

    def test_failures_of_before_are_no_news(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", max_concurrency=3))
        before = pool.leases.acquire(KIMI)
        pool.clock.now += 1
        hands.clear("a")
        pool.leases.release(before, rest=rest(300))
        assert pool.leases.acquire(KIMI).account.name == "a"
        assert pool.leases.acquire(KIMI).account.name == "a", "more than one at a time: it has no strike"

    @pytest.mark.parametrize("state", [State.DEAD, State.BANNED])
    def test_one_out_of_service_is_tried_anew(self, pool: Pool, hands: Interventions, woken: Any, state: State) -> None:
        pool.fill(web("a"))
        pool.members.mark("a", stored(pool).version, state, "why")
        heard(woken)
        version = stored(pool).version
        assert hands.clear("a") is state
        found = stored(pool)
        assert (found.state, found.reason, found.access, found.due) == (State.NEW, "", "", 0)
        assert (found.refresh, found.version) == ("refresh-a-2", version)
        assert heard(woken) == ["a"]
        with pytest.raises(AwaitingToken):
            pool.leases.acquire(KIMI)

    def test_a_refresh_that_runs_can_still_store_its_token(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        record = stored(pool)
        with pool.tokens.lock("a") as lock:
            assert lock is not None
            pool.store.redis.zadd(pool.store.key("refresh"), {"a": 0})
            assert lock.spend(replace(record, due=0)) is not None
            pool.members.mark("a", record.version, State.DEAD, "said by somebody else")
            hands.clear("a")
            assert save(pool, record, "rotated")
        assert (stored(pool).state, stored(pool).refresh) == (State.ACTIVE, "rotated")

    def test_a_failing_refresh_is_tried_at_once(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        before = changes(pool)
        pool.tokens.postpone(stored(pool), pool.clock.now + 60, 4, reason="Unreachable")
        assert (stored(pool).failures, stored(pool).reason, changes(pool)) == (4, "Unreachable", before + 1)
        pool.tokens.postpone(stored(pool), pool.clock.now + 60, 4)
        assert stored(pool).reason == "Unreachable"
        hands.clear("a")
        assert (stored(pool).failures, stored(pool).reason, stored(pool).due) == (0, "", 0)

    def test_a_good_one_is_not_refreshed_for_that(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        due = stored(pool).due
        hands.clear("a")
        assert stored(pool).due == due

    def test_a_paused_one_stays_paused(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        hands.pause("a")
        assert hands.clear("a") is State.PAUSED
        assert (stored(pool).state, stored(pool).due) == (State.PAUSED, None)


class TestEditing:
    def edit(self, hands: Interventions, name: str = "a", **limits: object) -> bool:
        return hands.edit(name, lambda account: replace(account, **limits))  # type: ignore[arg-type]

    def test_limits_count_at_once(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", priority=1), web("b"))
        pool.leases.acquire(KIMI)
        assert self.edit(hands, max_concurrency=2, priority=3)
        assert pool.leases.acquire(KIMI).account.name == "a"
        assert self.edit(hands, priority=-1, max_concurrency=5)
        assert pool.leases.acquire(KIMI).account.name == "b"
        assert pool.leases.acquire(KIMI).account.name == "a"

    def test_who_waits_is_called_to_a_new_place(self, pool: Pool, hands: Interventions, ear: Ear) -> None:
        pool.fill(web("a"))
        pool.leases.acquire(KIMI)
        with pytest.raises(AllBusy):
            pool.leases.acquire(KIMI, ticket="w.1", patience=30)
        self.edit(hands, max_concurrency=2)
        assert ear.calls() == ["w.1"]

    def test_more_requests_a_minute_count_at_once(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", requests_per_minute=1))
        pool.leases.release(pool.leases.acquire(KIMI))
        self.edit(hands, requests_per_minute=2)
        pool.leases.release(pool.leases.acquire(KIMI))
        with pytest.raises(AllBusy):
            pool.leases.acquire(KIMI)
        self.edit(hands, requests_per_minute=None)
        assert pool.leases.acquire(KIMI).account.name == "a"

    def test_they_win_over_the_file_until_its_entry_changes(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", weight=2))
        self.edit(hands, weight=5)
        assert (stored(pool).account.weight, stored(pool).edited) == (5, True)
        report = pool.members.sync([ConfiguredAccount(web("a", weight=2), "refresh-a")])
        assert (report.updated, stored(pool).account.weight) == ((), 5)
        pool.members.sync([ConfiguredAccount(web("a", weight=2), "another token")])
        assert (stored(pool).refresh, stored(pool).account.weight) == ("another token", 5)
        pool.configure()
        pool.configure(web("a", weight=2))
        assert (stored(pool).account.weight, stored(pool).edited) == (5, True), "it came back as it was written"
        pool.configure(web("a", weight=3))
        assert (stored(pool).account.weight, stored(pool).edited) == (3, False)
        assert pool.store.redis.hget(pool.store.key("account", "a"), "weight") == "3"

    @pytest.mark.parametrize(("field", "value"), [("owner", ""), ("proxy", None), ("models", [])])
    def test_a_release_that_knows_another_field_leaves_them(
        self, pool: Pool, hands: Interventions, field: str, value: object
    ) -> None:
        pool.fill(web("a", weight=2))
        self.edit(hands, weight=5)
        account, redis = pool.store.key("account", "a"), pool.store.redis
        written = orjson.loads(redis.hget(account, "written"))
        assert written.pop(field) == value
        redis.hset(account, "written", orjson.dumps(written))
        pool.configure(web("a", weight=2))
        assert (stored(pool).account.weight, stored(pool).edited) == (5, True)
        assert field in orjson.loads(redis.hget(account, "written"))

    def test_a_field_that_an_older_release_did_not_know_counts_where_it_says_something(
        self, pool: Pool, hands: Interventions
    ) -> None:
        pool.fill(web("a", weight=2))
        self.edit(hands, weight=5)
        account, redis = pool.store.key("account", "a"), pool.store.redis
        written = orjson.loads(redis.hget(account, "written"))
        del written["proxy"]
        redis.hset(account, "written", orjson.dumps(written))
        pool.configure(web("a", weight=2, proxy="http://proxy:3128"))
        assert stored(pool).account == web("a", weight=2, proxy="http://proxy:3128")

    def test_two_refreshers_that_take_the_same_file_leave_them(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        self.edit(hands, max_concurrency=4)
        configured = [ConfiguredAccount(web("a"), "refresh-a")]
        for members in (Members(pool.store), Members(pool.store)) * 2:
            members.sync(configured)
        assert stored(pool).account.max_concurrency == 4

    def test_what_is_edited_back_is_edited_no_more(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        self.edit(hands, max_concurrency=4)
        self.edit(hands, max_concurrency=1)
        assert not stored(pool).edited

    def test_a_change_of_the_file_between_reading_and_writing_is_kept(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        seen: list[Account] = []

        def change(account: Account) -> Account:
            if not seen:
                pool.configure(web("a", weight=7))
            seen.append(account)
            return replace(account, max_concurrency=2)

        assert hands.edit("a", change)
        assert len(seen) == 2
        assert (stored(pool).account.weight, stored(pool).account.max_concurrency) == (7, 2)

    def test_one_that_is_nowhere_is_not_edited(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        pool.configure()
        assert not self.edit(hands)
        assert not self.edit(hands, "unknown")

    def test_those_of_an_account_of_no_file_are_its_own(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        self.edit(hands, weight=3)
        assert (stored(pool).account.weight, stored(pool).edited) == (3, False)


class TestEntering:
    def test_it_is_due_at_once_and_no_file_takes_it_out(self, pool: Pool, hands: Interventions, woken: Any) -> None:
        assert hands.enter(entered("a", "T")) is Entered.ADDED
        assert (stored(pool).origin, stored(pool).state, stored(pool).due) == (Origin.OPERATOR, State.NEW, 0)
        assert heard(woken) == ["a"]
        pool.freshen("a")
        assert pool.members.sync([]).removed == ()
        assert pool.leases.acquire(KIMI).account.name == "a"

    def test_a_credential_that_somebody_has_is_known(self, pool: Pool, hands: Interventions) -> None:
        pool.configure(web("a"))
        assert hands.enter(entered("b", "refresh-a")) is Entered.KNOWN
        assert hands.enter(entered("c", "T")) is Entered.ADDED
        assert hands.enter(entered("d", "T")) is Entered.KNOWN
        assert hands.enter(entered("c", "T")) is Entered.KNOWN
        assert hands.holder("T") == "c"
        assert hands.holder("refresh-a") == "a"
        assert [record.account.name for record in pool.members.all()] == ["a", "c"]

    def test_a_name_that_somebody_has_is_taken(self, pool: Pool, hands: Interventions) -> None:
        pool.configure(web("a"))
        assert hands.enter(entered("a", "T")) is Entered.TAKEN
        assert stored(pool).refresh == "refresh-a"

    def test_it_goes_on_with_what_its_credential_was_exchanged_for(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("old"))
        pool.configure()
        assert hands.enter(entered("new", "refresh-old")) is Entered.ADDED
        assert stored(pool, "new").refresh == "refresh-old-2"

    def test_one_that_is_being_exchanged_is_waited_for(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("old"))
        record = stored(pool, "old")
        pool.configure()
        with pool.tokens.lock("old"):
            assert hands.enter(entered("new", "refresh-old")) is Entered.LATER
            assert not save(pool, replace(record, version=record.version - 1), "older")
            assert save(pool, record, "rotated")
        assert hands.enter(entered("new", "refresh-old")) is Entered.ADDED
        assert stored(pool, "new").refresh == "rotated"

    def test_a_client_that_has_brought_it_along_gives_it_up(self, pool: Pool, hands: Interventions) -> None:
        member = private_account("T", Kind.KIMI)
        PrivateAccounts(pool.store).adopt(member)
        pool.freshen(member.account.name)
        assert hands.enter(entered("mine", "T")) is Entered.ADDED
        assert stored(pool, "mine").refresh == f"refresh-{member.account.name}-2"
        assert not stored(pool, member.account.name).configured
        assert PrivateAccounts(pool.store).adopt(member) == "configured"

    def test_the_file_goes_before_it_as_one_credential(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("mine", "T"))
        pool.freshen("mine")
        report = pool.members.sync([entered("filed", "T")])
        assert report.added == ("filed",)
        assert (stored(pool, "filed").refresh, stored(pool, "filed").origin) == ("refresh-mine-2", Origin.FILE)
        assert not stored(pool, "mine").configured
        assert hands.holder("T") == "filed"

    def test_the_file_goes_before_it_as_one_credential_of_the_same_name(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        pool.freshen("a")
        pool.members.sync([entered("a", "T")])
        assert (stored(pool).refresh, stored(pool).origin) == ("refresh-a-2", Origin.FILE)
        pool.members.sync([])
        assert not stored(pool).configured

    def test_the_file_goes_before_it_as_one_name_and_its_token_is_kept(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        pool.freshen("a")
        pool.members.sync([entered("a", "another")])
        assert (stored(pool).refresh, stored(pool).origin) == ("another", Origin.FILE)
        assert hands.enter(entered("b", "T")) is Entered.ADDED
        assert stored(pool, "b").refresh == "refresh-a-2"

    def test_an_older_releases_accounts_are_known_once_the_file_was_taken(
        self, pool: Pool, hands: Interventions
    ) -> None:
        pool.configure(web("a"))
        pool.store.redis.delete(pool.store.key("holders"))
        pool.store.redis.hdel(pool.store.key("account", "a"), "written")
        assert not stored(pool).edited
        pool.configure(web("a"))
        assert hands.enter(entered("b", "refresh-a")) is Entered.KNOWN


class TestReplacing:
    @pytest.mark.parametrize("state", [State.DEAD, State.BANNED])
    def test_a_credential_takes_the_place_of_a_useless_one(
        self, pool: Pool, hands: Interventions, woken: Any, state: State
    ) -> None:
        hands.enter(entered("a", "T", weight=2, max_concurrency=3, proxy="http://proxy:3128"))
        pool.freshen("a")
        hands.edit("a", lambda account: replace(account, requests_per_minute=7))
        lease = pool.leases.acquire(KIMI)
        pool.members.mark("a", stored(pool).version, state, "why")
        before = stored(pool)
        heard(woken)
        assert hands.enter(entered("a", "U")) is Entered.REPLACED
        found = stored(pool)
        assert found.account == before.account, "its limits and its line stay"
        assert (found.refresh, found.state, found.reason, found.due) == ("U", State.NEW, "", 0)
        assert (found.version, found.access, found.origin) == (before.version + 1, "", Origin.OPERATOR)
        assert (hands.holder("T"), hands.holder("U")) == (None, "a")
        assert heard(woken) == ["a"]
        assert pool.count("a") == 1
        pool.leases.release(lease, served=True)
        pool.freshen("a")
        held = [pool.leases.acquire(KIMI) for _ in range(3)]
        assert {each.token for each in held} == {stored(pool).access}

    def test_what_was_begun_with_the_old_one_changes_nothing(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        record = stored(pool)
        with pool.tokens.lock("a"):
            pool.members.mark("a", record.version, State.DEAD, "said by somebody else")
            assert hands.enter(entered("a", "U")) is Entered.REPLACED
            now = stored(pool)
            assert not save(pool, record, "rotated")
            assert not pool.members.mark("a", record.version, State.DEAD, "why")
            assert not pool.tokens.postpone(record, pool.clock.now + 60, 3)
        assert stored(pool) == now
        hands.enter(entered("b", "T"))
        assert stored(pool, "b").refresh == "rotated", "what has become of the old one is kept"

    def test_one_that_serves_or_is_paused_keeps_its_own(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        assert hands.enter(entered("a", "U")) is Entered.TAKEN
        hands.pause("a")
        assert hands.enter(entered("a", "U")) is Entered.TAKEN
        assert (stored(pool).refresh, hands.holder("U")) == ("T", None)

    def test_one_of_the_file_keeps_its_own(self, pool: Pool, hands: Interventions) -> None:
        pool.configure(web("a"))
        pool.members.mark("a", stored(pool).version, State.DEAD, "why")
        assert hands.enter(entered("a", "U")) is Entered.TAKEN

    def test_one_of_another_kind_or_region_keeps_its_own(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        pool.members.mark("a", stored(pool).version, State.DEAD, "why")
        for account in (Account(name="a", kind=Kind.CLASSIC), web("a", region=Region.GLOBAL)):
            assert hands.enter(ConfiguredAccount(account, "U")) is Entered.TAKEN

    def test_one_that_another_account_has_is_known(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        hands.enter(entered("b", "U"))
        pool.members.mark("a", stored(pool).version, State.DEAD, "why")
        assert hands.enter(entered("a", "U")) is Entered.KNOWN
        assert hands.enter(entered("a", "T")) is Entered.KNOWN

    def test_while_the_new_one_is_exchanged_elsewhere_the_account_stays(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        hands.enter(entered("b", "U"))
        pool.members.mark("a", stored(pool).version, State.DEAD, "why")
        hands.delete("b")
        before = stored(pool)
        with pool.tokens.lock("b"):
            assert hands.enter(entered("a", "U")) is Entered.LATER
        assert stored(pool) == before

    def test_the_first_one_comes_back_as_what_it_was_exchanged_for(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        pool.freshen("a")
        for secret, refresh in (("U", "U"), ("T", "refresh-a-2")):
            pool.members.mark("a", stored(pool).version, State.DEAD, "why")
            assert hands.enter(entered("a", secret)) is Entered.REPLACED
            assert (stored(pool).refresh, stored(pool).state) == (refresh, State.NEW)


class TestDeleting:
    def test_it_is_gone_and_its_token_is_kept_should_it_come_back(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T", requests_per_minute=1))
        pool.freshen("a")
        pool.leases.release(pool.leases.acquire(KIMI))
        pool.members.mark("a", stored(pool).version, State.DEAD, "why")
        before = changes(pool)
        assert hands.delete("a") is Deleted.DELETED
        assert changes(pool) == before + 1
        assert not stored(pool).configured
        assert pool.members.routes() == set()
        assert hands.holder("T") is None
        assert hands.delete("a") is Deleted.UNKNOWN
        assert hands.enter(entered("b", "T")) is Entered.ADDED
        assert (stored(pool, "b").refresh, stored(pool, "b").state) == ("refresh-a-2", State.NEW)

    def test_one_that_is_added_again_begins_anew(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T", weight=2))
        pool.freshen("a")
        hands.edit("a", lambda account: replace(account, weight=9))
        pool.members.mark("a", stored(pool).version, State.DEAD, "why")
        hands.delete("a")
        assert hands.enter(entered("a", "T", weight=2)) is Entered.ADDED
        found = stored(pool)
        assert (found.state, found.refresh, found.account.weight, found.due) == (State.NEW, "refresh-a-2", 2, 0)

    def test_one_of_the_file_stays(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        assert hands.delete("a") is Deleted.CONFIGURED
        assert stored(pool).configured
        assert hands.delete("unknown") is Deleted.UNKNOWN

    def test_one_that_was_taken_out_of_the_file_is_forgotten(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        pool.configure()
        assert hands.delete("a") is Deleted.DELETED
        assert pool.members.get("a") is None
        pool.configure(web("a"))
        assert stored(pool).refresh == "refresh-a-2", "its rotated token is kept all the same"

    def test_a_token_that_comes_meanwhile_is_kept(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        record = stored(pool)
        with pool.tokens.lock("a"):
            hands.delete("a")
            assert save(pool, record, "rotated")
        assert not stored(pool).configured
        hands.enter(entered("b", "T"))
        assert stored(pool, "b").refresh == "rotated"

    def test_answers_that_run_run_on(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        pool.freshen("a")
        lease = pool.leases.acquire(KIMI)
        hands.delete("a")
        pool.leases.renew([lease])
        pool.leases.release(lease, served=True)
        assert pool.count("a") == 0
        with pytest.raises(NoAccount):
            pool.leases.acquire(KIMI)

    def test_a_clients_account_is_forgotten_after_a_moment(self, pool: Pool, hands: Interventions) -> None:
        member = private_account("T", Kind.KIMI)
        name = member.account.name
        private = PrivateAccounts(pool.store)
        private.adopt(member)
        pool.freshen(name)
        assert hands.delete(name) is Deleted.DELETED
        assert private.notice([member]) == {}
        pool.clock.now += 61
        assert private.forget() == (name,)
        assert private.adopt(member) == "adopted"
        assert stored(pool, name).refresh == f"refresh-{name}-2"


def test_a_refresh_can_be_wanted_at_once(pool: Pool, hands: Interventions, woken: Any) -> None:
    pool.fill(web("a"))
    heard(woken)
    assert hands.hurry("a") is State.ACTIVE
    assert (stored(pool).due, heard(woken)) == (0, ["a"])
    hands.pause("a")
    assert hands.hurry("a") is State.PAUSED
    assert (stored(pool).due, heard(woken)) == (None, [])


def test_nothing_is_done_to_an_account_that_is_not_there(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a"))
    pool.configure()
    before = stored(pool)
    for verb in (hands.pause, hands.resume, hands.clear, hands.hurry):
        assert verb("a") is None
        assert verb("unknown") is None
    assert stored(pool) == before
    assert [record.account.name for record in pool.members.all()] == ["a"]


def test_a_lease_from_before_a_new_start_is_given_back(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a"))
    lease: Lease = pool.leases.acquire(KIMI)
    pool.members.mark("a", lease.version, State.BANNED, "why")
    hands.clear("a")
    assert pool.leases.reject(lease), "the token that it had was refused as well"
    pool.leases.release(lease)
    assert (pool.count("a"), stored(pool).due) == (0, 0)


def test_whoever_keeps_a_copy_hears_of_names_alone(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a"), web("b"))
    everything = Changes(pool.store).names(0)
    assert sorted(everything.names) == ["a", "b"]
    assert everything.number == everything.latest == changes(pool)
    hands.pause("b")
    assert Changes(pool.store).names(everything.number).names == ("b",)
    assert Changes(pool.store).names(everything.latest + 1).names == ()
    first = Changes(pool.store).names(0, limit=1)
    assert (first.names, first.number < first.latest) == (("a",), True)
    assert Changes(pool.store).names(first.number).names == ("b",)


def test_what_was_written_is_on_disk(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    pool.configure(web("a"))
    assert until_on_disk(pool.store)
    assert caplog.text == ""


def test_a_server_without_a_disk_is_told(own_valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    with connect(own_valkey.url) as redis:
        redis.config_set("appendonly", "no")
        assert not until_on_disk(Store(redis))
    assert "appendonly yes" in caplog.text
