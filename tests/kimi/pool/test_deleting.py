"""Accounts that the operator takes out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kimi.accounts import Kind, State
from kimi.errors import AllBusy, NoAccount
from kimi.pool import PrivateAccounts
from kimi.pool.interventions import Deleted, Entered, Interventions
from kimi.pool.private import private_account
from tests.kimi.pool.intervening import changes, entered, save, stored
from tests.kimi.pool.pools import KIMI, Pool, rest, web


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
        with pool.held("a"):
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

    def test_answers_count_that_ran_when_it_was_forgotten(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a"))
        lease = pool.leases.acquire(KIMI)
        pool.configure()
        assert hands.delete("a") is Deleted.DELETED
        pool.configure(web("a"))
        pool.freshen("a")
        with pytest.raises(AllBusy):
            pool.leases.acquire(KIMI)
        pool.leases.release(lease)
        assert pool.count("a") == 0

    def test_it_is_forgotten_once_its_answers_have_ended(self, pool: Pool, hands: Interventions) -> None:
        pool.fill(web("a", requests_per_minute=1))
        lease = pool.leases.acquire(KIMI)
        pool.configure()
        hands.delete("a")
        pool.clock.now += 60
        pool.leases.renew([lease])
        assert pool.members.forget() == ()
        pool.leases.release(lease, rest=rest(600))
        pool.clock.now += 60
        assert pool.members.forget() == ("a",)
        assert pool.members.get("a") is None

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
