"""Who is chosen from memory, and how many at once."""

from __future__ import annotations

from collections import Counter

import pytest

from kimi.accounts import Account, Kind, Sealed
from kimi.errors import AllBusy, NoAccount, Unreadable
from kimi.pool import Lease
from tests.gateway.copies import NOW, copy_of
from tests.gateway.standby.desks import REST, Desk, desk, sealed
from tests.kimi.pool.pools import web, wish


def test_a_lease_is_like_one_of_the_pool() -> None:
    lease = desk("a").take()
    assert lease.id.startswith("w.")
    assert (lease.account, lease.token, lease.version, lease.granted) == (web("a"), "access-a", 2, NOW)


def test_the_limit_is_held() -> None:
    worker = desk(web("a", max_concurrency=2))
    first = worker.take()
    worker.take()
    with pytest.raises(AllBusy) as caught:
        worker.take()
    assert caught.value.retry_after is None
    worker.give(first)
    worker.give(first)
    worker.take()
    with pytest.raises(AllBusy):
        worker.take()


def test_what_was_leased_before_counts() -> None:
    worker = desk("a")
    before = Lease("w.1", web("a"), "t", 2, NOW)
    worker.holdings.add(before)
    with pytest.raises(AllBusy):
        worker.take()
    worker.give(before)
    assert worker.take().account.name == "a"


def test_only_the_account_that_is_wished_for_is_given() -> None:
    worker = desk(web("better", priority=1), "a")
    held = worker.take(only="a")
    assert held.account.name == "a"
    with pytest.raises(AllBusy):
        worker.take("w.1", only="a")
    worker.give(worker.take())
    assert worker.called == [], "no other is given to who waits for it"
    worker.give(held)
    assert worker.called == ["w.1"]
    with pytest.raises(NoAccount):
        worker.take(only="gone")


def test_one_that_no_key_opens_is_passed_over() -> None:
    worker = desk(
        copy_of(web("sealed", priority=2), opened=sealed),
        copy_of(web("behind", priority=1, proxy=Sealed("fernet:gAAAA"))),
        "a",
    )
    held = worker.take()
    assert held.account.name == "a"
    worker.queue("w.1")
    worker.give(held)
    assert (worker.called, worker.take("w.1").account.name) == (["w.1"], "a")
    with pytest.raises(Unreadable):
        desk(copy_of("sealed", opened=sealed)).take()


def test_one_that_no_key_opens_and_that_has_rested_stops_nobody() -> None:
    worker = desk(copy_of("sealed", opened=sealed, cool_until=NOW + 5), copy_of("a", cool_until=NOW + 5))
    worker.queue("w.1")
    worker.clock.now += 5
    assert worker.standby.look() is None
    assert (worker.called, worker.take("w.1").account.name) == (["w.1"], "a")


def test_an_account_that_was_taken_out_while_it_answered_is_no_matter() -> None:
    worker = desk("a")
    before = Lease("w.1", web("gone"), "t", 2, NOW)
    worker.holdings.add(before)
    assert worker.give(before, REST) == 0
    assert worker.holdings.leases == []


def test_a_higher_priority_goes_first_until_it_is_full() -> None:
    worker = desk(web("spare", priority=-1), web("first", priority=5), web("middle"))
    assert [worker.take().account.name for _ in range(3)] == ["first", "middle", "spare"]


def test_the_least_loaded_goes_first() -> None:
    worker = desk(web("small", max_concurrency=2), web("large", max_concurrency=8))
    assert Counter(worker.take().account.name for _ in range(5)) == {"large": 4, "small": 1}


def test_workers_who_do_not_see_each_other_prefer_different_accounts() -> None:
    copies = [copy_of(f"a{number}") for number in range(100)]
    firsts = Counter(Desk(copies, worker=f"w{number}").take().account.name for number in range(100))
    assert max(firsts.values()) <= 6
    same = {Desk(copies, worker="w").take().account.name for _ in range(3)}
    assert len(same) == 1


def test_heavy_accounts_are_preferred_by_weight() -> None:
    copies = [copy_of(web(name, weight=weight)) for name, weight in (("one", 1), ("two", 2), ("three", 3))]
    firsts = Counter(Desk(copies, worker=f"w{number}").take().account.name for number in range(3000))
    for name, share in {"one": 500, "two": 1000, "three": 1500}.items():
        assert firsts[name] == pytest.approx(share, rel=0.1)


def test_only_the_wanted_routes_are_considered() -> None:
    worker = desk("web", copy_of(Account(name="key", kind=Kind.MOONSHOT), routes=("moonshot:kimi-k3",)))
    take = worker.standby.acquire
    assert take(wish("moonshot:kimi-k3", model="kimi-k3")).account.name == "key"
    assert take(wish("kimi", "moonshot:kimi-k3", model="kimi-k3")).account.name == "web"
    with pytest.raises(NoAccount, match="no account serves this"):
        take(wish("moonshot:unknown", model="unknown"))


def test_requests_a_minute_are_held_also_with_those_before() -> None:
    account = web("a", requests_per_minute=3)
    worker = desk(account)
    before = Lease("w.1", account, "t", 2, NOW)
    worker.holdings.add(before)
    worker.holdings.remove(before)
    worker.clock.advance(10)
    for _ in range(2):
        worker.give(worker.take())
    with pytest.raises(AllBusy) as caught:
        worker.take()
    assert caught.value.retry_after == 50
    worker.clock.advance(50)
    worker.give(worker.take())
    with pytest.raises(AllBusy) as caught:
        worker.take()
    assert caught.value.retry_after == 10


def test_a_limit_that_was_spent_before_holds_in_the_outage() -> None:
    account = web("a", requests_per_minute=1)
    worker = desk(account)
    worker.holdings.add(Lease("w.1", account, "t", 2, NOW))
    worker.holdings.remove(Lease("w.1", account, "t", 2, NOW))
    worker.open()
    with pytest.raises(AllBusy) as caught:
        worker.take()
    assert caught.value.retry_after == 60
