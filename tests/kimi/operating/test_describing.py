"""The object of the admin API."""

from __future__ import annotations

import json

from kimi.accounts import Account, ConfiguredAccount, Kind, State
from kimi.operating.accounts import Accounts, Limits
from kimi.operating.describing import described
from kimi.pool.figures import Tally
from tests.kimi.pool.pools import KIMI, Pool, rest, web

SECRETS = ("access-", "refresh-a", "secret", "T-secret")


def test_everything_is_described_and_no_secret(pool: Pool) -> None:
    accounts = Accounts(pool.store)
    pool.fill(web("a", proxy="http://user:secret@proxy:1", max_concurrency=2), lifetime=900)
    pool.leases.acquire(KIMI)
    pool.leases.release(pool.leases.acquire(KIMI), rest=rest(30, "Overloaded: busy"))
    accounts.edit("a", Limits(requests_per_minute=9))
    now = pool.clock.now
    found = described(accounts.get("a"), now, Tally(5, 1, 100, 50, now - 3))
    assert found == {
        "name": "a",
        "kind": "kimi",
        "region": "cn",
        "origin": "file",
        "state": "active",
        "reason": "",
        "token_issued": now,
        "token_expires": now + 900,
        "refresh_due": now + 450,
        "refresh_failures": 0,
        "in_flight": 1,
        "max_concurrency": 2,
        "requests_per_minute": 9,
        "weight": 1.0,
        "priority": 0,
        "cooling_until": now + 30,
        "cooling_reason": "Overloaded: busy",
        "models": [],
        "has_proxy": True,
        "base_url": None,
        "edited": True,
        "today": {"requests": 5, "errors": 1, "prompt_tokens": 100, "completion_tokens": 50},
        "last_used": now - 3,
    }
    assert not any(secret in json.dumps(found) for secret in SECRETS)


def test_what_is_not_there_is_null(pool: Pool) -> None:
    pool.configure(web("a"))
    found = described(Accounts(pool.store).get("a"), pool.clock.now, None)
    nulls = {name for name, value in found.items() if value is None}
    assert nulls == {"token_issued", "token_expires", "requests_per_minute", "cooling_until", "base_url", "last_used"}
    assert found["refresh_due"] == pool.clock.now, "at once"
    assert found["today"] == {"requests": 0, "errors": 0, "prompt_tokens": 0, "completion_tokens": 0}


def test_a_rest_that_is_over_is_none(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.leases.release(pool.leases.acquire(KIMI), rest=rest(30))
    pool.clock.now += 31
    found = described(Accounts(pool.store).get("a"), pool.clock.now, None)
    assert (found["cooling_until"], found["cooling_reason"]) == (None, "")


def test_states_have_words(pool: Pool) -> None:
    accounts = Accounts(pool.store)
    pool.fill(web("a"))
    lease = pool.leases.acquire(KIMI)
    pool.leases.reject(lease)
    assert described(accounts.get("a"), pool.clock.now, None)["state"] == "refreshing"
    pool.members.mark("a", lease.version, State.DEAD, "why")
    assert described(accounts.get("a"), pool.clock.now, None)["state"] == "dead"
    pool.configure()
    found = described(accounts.get("a"), pool.clock.now, None)
    assert (found["state"], found["refresh_due"]) == ("removed", None)


def test_models_have_the_names_that_clients_use(pool: Pool) -> None:
    accounts = Accounts(pool.store)
    key = Account(name="key", kind=Kind.MOONSHOT)
    named = Account(name="named", kind=Kind.MOONSHOT, models=("kimi-k3",))
    pool.members.sync([ConfiguredAccount(account, account.name) for account in (web("a"), key, named)])
    for name in ("a", "key", "named"):
        pool.freshen(name, models=("kimi-k2.6", "kimi-k3"))
    pool.members.list_models("a", accounts.get("a").version, ["SCENARIO_K2D5", "SCENARIO_K2D5+thinking", "other"])
    expiries = [described(seen, pool.clock.now, None)["token_expires"] for seen in accounts.all()]
    assert expiries == [pool.clock.now + 900, None, None], "keys do not expire"
    models = [described(seen, pool.clock.now, None)["models"] for seen in accounts.all()]
    assert models == [["kimi-k2.5"], ["kimi-k2.6", "kimi-k3"], ["kimi-k3"]]
