"""Accounts that are entered by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kimi.accounts import Kind, Origin, State
from kimi.pool import PrivateAccounts
from kimi.pool.interventions import Entered, Interventions
from kimi.pool.private import private_account
from tests.kimi.pool.intervening import entered, heard, save, stored
from tests.kimi.pool.pools import KIMI, Pool, web


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
        with pool.held("old"):
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
