"""What befell an account is forgotten where the operator wants that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kimi.accounts import State
from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool.interventions import Interventions
from tests.kimi.pool.intervening import changes, heard, save, stored
from tests.kimi.pool.pools import KIMI, Pool, rest, web, wish


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
        with pool.held("a") as lock:
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
