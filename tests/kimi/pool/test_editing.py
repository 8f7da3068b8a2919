"""Limits that the operator changes, and what the accounts file says of them."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from kimi.accounts import Account, ConfiguredAccount
from kimi.errors import AllBusy
from kimi.pool import Members
from kimi.pool.interventions import Interventions
from tests.kimi.pool.intervening import entered, stored
from tests.kimi.pool.pools import KIMI, Pool, web
from tests.kimi.pool.queueing import Ear


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

    def test_fewer_requests_a_minute_count_at_once(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", requests_per_minute=10))
        for _ in range(5):
            pool.leases.release(pool.leases.acquire(KIMI))
            pool.clock.now += 1
        self.edit(hands, requests_per_minute=3)
        with pytest.raises(AllBusy) as caught:
            pool.leases.acquire(KIMI)
        assert caught.value.retry_after == 57, "a minute behind the third last"

    def test_another_credential_has_its_requests_a_minute_for_itself(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", requests_per_minute=1))
        pool.leases.release(pool.leases.acquire(KIMI))
        pool.members.sync([ConfiguredAccount(web("a", requests_per_minute=1), "another")])
        pool.freshen("a")
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
