"""New tokens in the place of those that were refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Origin, Region, State
from kimi.pool.interventions import Entered, Interventions
from tests.kimi.pool.intervening import entered, heard, save, stored
from tests.kimi.pool.pools import KIMI, Pool, web


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
        with pool.held("a"):
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
        with pool.held("b"):
            assert hands.enter(entered("a", "U")) is Entered.LATER
        assert stored(pool) == before

    def test_the_first_one_comes_back_as_what_it_was_exchanged_for(self, pool: Pool, hands: Interventions) -> None:
        hands.enter(entered("a", "T"))
        pool.freshen("a")
        for secret, refresh in (("U", "U"), ("T", "refresh-a-2")):
            pool.members.mark("a", stored(pool).version, State.DEAD, "why")
            assert hands.enter(entered("a", secret)) is Entered.REPLACED
            assert (stored(pool).refresh, stored(pool).state) == (refresh, State.NEW)
