"""A wish for one account alone."""

from __future__ import annotations

import pytest

from kimi.accounts import Account, Kind, State
from kimi.errors import AllBusy, AwaitingToken, NoAccount, UpstreamDown
from kimi.pool import Lease
from tests.kimi.pool.pools import Pool, rest, web, wish
from tests.kimi.pool.queueing import PATIENCE, Ear, in_queue, queue, take


def only(pool: Pool, name: str, *routes: str, ticket: str = "") -> Lease:
    return pool.leases.acquire(wish(*routes, only=name), ticket=ticket, patience=PATIENCE if ticket else 0.0)


def test_nobody_else_will_do(pool: Pool) -> None:
    pool.fill(*(web(f"better-{number}", priority=1) for number in range(3)), web("a"))
    assert only(pool, "a").account.name == "a"
    with pytest.raises(AllBusy) as caught:
        only(pool, "a")
    assert caught.value.retry_after is None


def test_an_account_that_is_not_there_for_the_request_is_none(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    for name, routes in (("c", ("kimi",)), ("a", ("kimi-classic",))):
        with pytest.raises(NoAccount):
            only(pool, name, *routes)
    with pytest.raises(NoAccount):
        pool.leases.acquire(wish(only="a", exclude=["a"]))
    record = pool.members.get("a")
    assert record is not None
    pool.members.mark("a", record.version, State.DEAD, "why")
    with pytest.raises(NoAccount):
        only(pool, "a")


def test_it_is_said_why_the_account_cannot_be_had(pool: Pool) -> None:
    pool.fill(web("free"), web("resting"), web("reached", proxy="http://127.0.0.1:1"))
    pool.configure(web("free"), web("resting"), web("reached", proxy="http://127.0.0.1:1"), web("new"))
    pool.leases.release(only(pool, "resting"), rest=rest(7))
    with pytest.raises(AllBusy) as caught:
        only(pool, "resting")
    assert caught.value.retry_after == 7
    with pytest.raises(AwaitingToken):
        only(pool, "new")
    with pytest.raises(UpstreamDown):
        pool.leases.acquire(wish(only="free", tripped=[web("free").line]))


def test_a_rest_that_is_over_is_seen_behind_any_number_of_others(pool: Pool) -> None:
    names = [f"n{number:03}" for number in range(60)]
    pool.fill(*(web(name) for name in names))
    for number, name in enumerate(names):
        pool.leases.release(only(pool, name), rest=rest(5 + number / 1000))
    pool.clock.now += 6
    assert only(pool, names[-1]).account.name == names[-1]


def test_who_waits_for_one_account_is_called_to_it_alone(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b"))
    a, b = only(pool, "a"), only(pool, "b")
    with pytest.raises(AllBusy):
        only(pool, "a", ticket="w.1")
    queue(pool, "v.1")
    pool.leases.release(b)
    assert ear.calls() == ["v.1"], "it is not kept for who came before and does not want it"
    assert take(pool, "v.1").account.name == "b"
    pool.leases.release(a)
    assert ear.calls() == ["w.1"]
    assert only(pool, "a", ticket="w.1").account.name == "a"
    assert in_queue(pool) == []


def test_nobody_is_called_to_one_that_serves_his_model_no_more(pool: Pool, ear: Ear) -> None:
    pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=("old",))
    lease = only(pool, "key", "moonshot:old")
    with pytest.raises(AllBusy):
        only(pool, "key", "moonshot:old", ticket="w.1")
    pool.freshen("key", models=("new",))
    pool.leases.release(lease)
    assert ear.calls() == []


def test_a_call_to_it_that_was_lost_is_made_again_although_many_are_ready(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), *(web(f"other-{number}") for number in range(20)))
    lease = only(pool, "a")
    with pytest.raises(AllBusy):
        only(pool, "a", ticket="w.1")
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"]
    pool.clock.now += 2
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1"]
