"""Whatever is asked of Redis for a lease is as much with thousands of accounts as with a few."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.passthrough import MOST_TOKENS, along_own
from kimi.accounts import Kind
from kimi.errors import AllBusy, NoAccount
from kimi.models import select
from kimi.pool import Leases, PrivateAccounts, Rest, Store
from kimi.pool.interventions import Interventions
from kimi.pool.private import private_account
from tests.kimi.pool.counting import MOST, commands
from tests.kimi.pool.filling import DAY, fill, refuse
from tests.kimi.pool.pools import KIMI, Clock, Pool, wish

MANY = 1_000
PAGE: Final = Path(__file__).parents[3] / "docs/scaling.md"


def test_a_lease_takes_the_same_commands_among_thousands(client: Any, leases: Leases) -> None:
    counted = []
    for accounts in (10, MANY):
        client.flushdb()
        fill(client, accounts)
        leases.release(leases.acquire(KIMI), served=True)  # the first sends the scripts
        counted.append(commands(client, lambda: leases.release(leases.acquire(KIMI), served=True)))
    assert counted[0] == counted[1]
    assert counted[0]["evalsha"] == 2
    assert counted[0].total() < 25


def test_a_lease_takes_as_many_commands_as_the_page_says(client: Any, leases: Leases) -> None:
    said = re.search(r"A lease and its return take (\d+) commands", PAGE.read_text("utf-8"))
    assert said
    fill(client, 10)
    leases.release(leases.acquire(KIMI))
    counted = commands(client, lambda: leases.release(leases.acquire(KIMI), renewed=False))
    assert counted.total() - counted["evalsha"] == int(said[1])


@pytest.mark.parametrize("models", [0, 12])
def test_a_lease_that_fills_an_account_moves_it_but_once(client: Any, leases: Leases, models: int) -> None:
    store, names = Store(client), fill(client, 20, models=models)
    leases.release(leases.acquire(KIMI), served=True)
    counted = commands(client, lambda: leases.release(leases.acquire(KIMI), served=True))
    routes = json.loads(client.hget(store.key("account", names[0]), "routes"))
    assert len(routes) == max(2, models + 1)
    assert counted["zadd"] == len(routes) + 1, "behind the others by its turn, and the lease"
    assert counted["zrem"] == 1, "the lease"


def test_one_that_is_free_is_found_behind_all_that_are_full(client: Any, leases: Leases) -> None:
    fill(client, MANY)
    taken = [leases.acquire(KIMI) for _ in range(MANY)]
    assert client.zcard(Store(client).key("route", "kimi", "ready", "0")) == 256, "no more have to be taken out"
    leases.release(taken[MANY // 2])
    found = []
    counted = commands(client, lambda: found.append(leases.acquire(KIMI)))
    assert [lease.account for lease in found] == [taken[MANY // 2].account]
    assert counted.total() < MOST / 4 * counted["evalsha"]

    def ask() -> None:
        with pytest.raises(AllBusy):
            leases.acquire(KIMI)

    ask()
    assert commands(client, ask).total() < 25, "who is full is met once"


def test_those_that_are_full_are_taken_out_some_at_a_time_whatever_their_priorities(
    client: Any, leases: Leases
) -> None:
    hands = Interventions(Store(client))
    for number, name in enumerate(fill(client, 100)):
        hands.edit(name, partial(replace, priority=number % 10))
        leases.acquire(wish(only=name))

    def ask() -> None:
        with pytest.raises(AllBusy):
            leases.acquire(KIMI)

    counted = commands(client, ask)
    assert counted["hset"] == 100, "who is full is met once"
    assert counted["hset"] / counted["evalsha"] < 15


def test_one_that_was_cleared_is_found_among_hundreds_that_refuse(client: Any, leases: Leases) -> None:
    hands, names = Interventions(Store(client)), fill(client, 400)
    refuse(client, names, "kimi")
    with pytest.raises(NoAccount):
        leases.acquire(KIMI)
    with pytest.raises(NoAccount):
        leases.acquire(KIMI)
    for name in names[100:110]:
        hands.clear(name)
        assert leases.acquire(KIMI).account.name == name


def test_whoever_refuses_a_model_is_met_once_by_those_who_want_it(client: Any, leases: Leases) -> None:
    names = fill(client, MANY)
    refuse(client, names[: MANY // 2], "kimi")
    assert leases.acquire(KIMI).account.name == names[MANY // 2]
    later = commands(client, lambda: leases.release(leases.acquire(KIMI)))
    assert later.total() < 60
    assert leases.acquire(wish(model="another")).account.name in names[: MANY // 2], "nobody else takes them away"


def test_one_that_refuses_no_longer_is_taken_first(client: Any, leases: Leases) -> None:
    names = fill(client, 40)
    refuse(client, names[:30], "kimi")
    leases.release(leases.acquire(KIMI))
    client.zadd(Store(client).key("refused", names[0]), {"kimi": 1})
    client.zadd(Store(client).key("route", "kimi", "ready", "0"), {names[0]: -1e15 + 1})  # as its time was over first
    assert leases.acquire(KIMI).account.name == names[0]


def test_one_is_found_among_thousands_that_refuse(client: Any, leases: Leases) -> None:
    *refusing, last = fill(client, MANY)
    refuse(client, refusing, "kimi")
    taken = []
    counted = commands(client, lambda: taken.append(leases.acquire(KIMI)))
    assert [lease.account.name for lease in taken] == [last]
    assert counted.total() < MOST * counted["evalsha"]
    assert counted["evalsha"] < 10


def test_a_model_that_all_refuse_holds_nobody_up(client: Any, leases: Leases) -> None:
    refuse(client, fill(client, MANY), "kimi")

    def ask() -> None:
        with pytest.raises(NoAccount, match="tried"):
            leases.acquire(KIMI)

    first, second = commands(client, ask), commands(client, ask)
    assert max(first.total() / first["evalsha"], second.total()) < MOST
    assert second["evalsha"] == 1, "those that were set aside are not met one by one again"
    assert second.total() < 80, "and few of them are looked at"


def test_a_model_that_all_refuse_holds_nobody_up_whatever_their_priorities(client: Any, leases: Leases) -> None:
    hands, names = Interventions(Store(client)), fill(client, MANY)
    for number, name in enumerate(names):
        hands.edit(name, partial(replace, priority=number % 25))
    refuse(client, names, "kimi")

    def ask() -> None:
        with pytest.raises(NoAccount, match="tried"):
            leases.acquire(KIMI)

    ask()
    assert commands(client, ask).total() < 400


def test_one_is_found_among_many_set_aside_that_others_cannot_take(client: Any) -> None:
    leases = Leases(Store(client, clock=(clock := Clock(time.time()))))
    *names, last = fill(client, 200)
    refuse(client, names, "kimi")
    refuse(client, [last], "k3", seconds=2 * DAY)
    with pytest.raises(NoAccount):
        leases.acquire(wish(model="k3", exclude=names))
    for _ in range(200):
        clock.now += 0.01
        try:
            assert leases.acquire(KIMI).account.name == last
        except NoAccount:
            continue
        return
    raise AssertionError("nobody is found")


def test_however_many_have_rested_one_of_them_is_found(client: Any, leases: Leases) -> None:
    names = fill(client, 40)
    store = Store(client)
    for name in names:
        client.zadd(store.key("route", "kimi", "cooling"), {name: 1})
        client.zrem(store.key("route", "kimi", "ready", "0"), name)
        client.hset(store.key("account", name), mapping={"place": "cooling", "cool_until": 1})
    refuse(client, names[:39], "kimi")
    assert leases.acquire(KIMI).account.name == names[39]


def test_a_limit_of_a_large_organisation_makes_some_rest_at_once(client: Any, leases: Leases) -> None:
    store, names = Store(client), fill(client, 100)
    client.sadd(store.key("org", "abc"), *names)
    for name in names:
        client.hset(store.key("account", name), "org", "abc")
    limit = Rest("RateLimited", "too many requests", 20, 300, organisation="abc")
    lease = leases.acquire(KIMI)
    counted = commands(client, lambda: leases.release(lease, rest=limit))
    assert 1 < client.zcard(store.key("route", "kimi", "cooling")) <= 33
    assert counted.total() < MOST


def test_a_client_with_many_accounts_of_its_own_takes_no_longer(client: Any, leases: Leases) -> None:
    store, members = Store(client), [private_account(f"token {number}", Kind.KIMI) for number in range(MOST_TOKENS)]
    pool = Pool(store, Clock(store.now()))
    for member in members:
        PrivateAccounts(store).adopt(member)
        pool.freshen(member.account.name)
    selection = replace(select("kimi", {"kimi"}), routes=("kimi:SCENARIO_K2", "kimi:*"))
    own = along_own(selection, [member.account.name for member in members], len(members), lambda _: 0)
    assert commands(client, lambda: leases.release(leases.acquire(wish(*own.routes)))).total() < 300
    for member in members:
        leases.acquire(wish(f"kimi@{member.account.name}"))

    def ask() -> None:
        with pytest.raises(AllBusy):
            leases.acquire(wish(*own.routes, *own.otherwise), ticket="w.1", patience=15)

    assert commands(client, ask).total() < MOST
