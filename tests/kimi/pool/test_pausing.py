"""Accounts that the operator sets aside, and takes in again."""

from __future__ import annotations

from typing import Any

import pytest

from kimi.accounts import Kind, State
from kimi.errors import AwaitingToken, NoAccount
from kimi.pool import PrivateAccounts
from kimi.pool.interventions import Interventions
from kimi.pool.private import private_account
from tests.kimi.pool.intervening import changes, heard, save, stored
from tests.kimi.pool.pools import KIMI, Pool, web, wish
from tests.kimi.pool.queueing import Ear


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
        assert pool.due() == []
        assert hands.resume("a") is State.PAUSED
        assert stored(pool).state is State.NEW
        assert pool.due() == ["a"]

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
