"""Accounts that a refresher cannot open, beside others."""

from __future__ import annotations

import pytest

from kimi.accounts import ConfiguredAccount
from kimi.errors import Unreadable
from kimi.pool import Store
from kimi.pool.specs import with_proxy
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from refresher.outcomes import Outcome
from refresher.stopping import Stop
from tests.kimi.pool.pools import Pool, web
from tests.refresher.conftest import stored
from tests.refresher.house import ALICE, ByHand
from tests.refresher.vendors import Vendor

PROXY = "http://proxy:1"


def test_one_proxy_that_cannot_be_opened_stops_that_account_alone(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    pool.store.vault = Vault([new_key()])
    configured = [ConfiguredAccount(web("bob", proxy=PROXY), "refresh-bob")]
    pool.members.sync([ConfiguredAccount(ALICE, "refresh-alice"), *configured])
    account = pool.store.key("account", "bob")
    spec = with_proxy(pool.store.redis.hget(account, "spec"), Vault([new_key()]).seal(PROXY))
    pool.store.redis.hset(account, "spec", spec)
    assert sorted(pool.due()) == ["alice", "bob"]
    with pytest.raises(Unreadable):
        refreshing.refresh("bob")
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert vendor.asked == ["refresh-alice"]


def test_tokens_that_another_has_stored_with_a_key_that_is_not_known_here_stay(
    pool: Pool, vendor: Vendor, refreshing: ByHand, stop: Stop
) -> None:
    key = new_key()
    pool.store.vault = Vault([key])
    pool.configure(ALICE)
    others = Pool(Store(pool.store.redis, clock=pool.clock), pool.clock)
    others.store.vault = Vault([new_key(), key])

    def overtaken() -> None:
        others.freshen("alice")
        stop.set()  # else a refresher that does not see it would try for ever

    vendor.script = [overtaken]
    assert refreshing.refresh("alice") is Outcome.SUPERSEDED
    assert (stored(others).refresh, stored(others).version) == ("refresh-alice-2", 2)
