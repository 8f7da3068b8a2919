"""What is free, but not for everybody who waits."""

from __future__ import annotations

import pytest

from kimi.errors import AllBusy, UpstreamDown
from tests.kimi.pool.pools import Pool, rest, web, wish
from tests.kimi.pool.queueing import PATIENCE, Ear, in_queue, queue, take


@pytest.fixture
def mixed(pool: Pool) -> Pool:
    """Two accounts that do not have a model, and one that has it."""
    pool.fill(web("free-1"), web("free-2"), web("paid", priority=-1))
    for _ in range(2):
        pool.leases.release(take(pool, model="k3"), rest=rest(3600, model="k3"))
    return pool


def test_nobody_is_called_to_an_account_that_refuses_its_model(mixed: Pool, ear: Ear) -> None:
    lease = take(mixed, model="k3")
    for ticket in ("w.1", "w.2"):
        with pytest.raises(AllBusy):
            take(mixed, ticket, model="k3")
    mixed.leases.release(take(mixed))
    mixed.leases.look(["kimi"])
    assert ear.calls() == []
    mixed.leases.release(lease)
    assert ear.calls() == ["w.1"]


def test_an_account_that_suits_only_others_keeps_nobody_from_his_turn(mixed: Pool, ear: Ear) -> None:
    lease = take(mixed, model="k3")
    with pytest.raises(AllBusy):
        take(mixed, "w.1", model="k3")
    mixed.leases.release(lease)
    with pytest.raises(AllBusy):
        take(mixed, "w.2", model="k3")
    assert take(mixed).account.name == "free-1", "what is free for others is theirs at once"
    assert take(mixed, "w.1", model="k3").account.name == "paid"
    assert ear.calls() == ["w.1"]


def test_who_comes_for_another_model_is_not_held_up_by_a_long_queue(mixed: Pool, ear: Ear) -> None:
    paid, *others = take(mixed, model="k3"), take(mixed), take(mixed)
    for number in range(40):
        with pytest.raises(AllBusy):
            take(mixed, f"w.{number}", model="k3")
    queue(mixed, "v.1")
    mixed.leases.release(others[0])
    assert ear.calls() == ["v.1"]
    mixed.leases.release(paid)
    assert ear.calls() == ["w.0"]


def test_a_model_that_is_refused_no_longer_is_noticed(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b"))
    pool.leases.release(take(pool, model="k3"), rest=rest(5, model="k3"))
    take(pool, model="k3")
    with pytest.raises(AllBusy):
        take(pool, "w.1", model="k3")
    pool.clock.now += 5
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1"]


def test_who_waits_for_a_line_that_can_be_reached_is_called_for_no_other(pool: Pool, ear: Ear) -> None:
    direct, proxied = web("direct"), web("proxied", proxy="http://127.0.0.1:1", priority=-1)
    pool.fill(direct, proxied)
    lease = pool.leases.acquire(wish(tripped=[direct.line]))
    with pytest.raises(AllBusy):
        pool.leases.acquire(wish(tripped=[direct.line]), ticket="w.1", patience=PATIENCE)
    pool.leases.release(take(pool))
    assert ear.calls() == []
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"]


def test_nobody_waits_where_only_a_failing_upstream_is_left(pool: Pool) -> None:
    direct, proxied = web("direct"), web("proxied", proxy="http://127.0.0.1:1", priority=-1)
    pool.fill(direct, proxied)
    lease = pool.leases.acquire(wish(tripped=[direct.line]))
    pool.leases.release(lease, rest=rest(PATIENCE + 5))
    busy = take(pool)
    for ticket in ("w.1", "w.2"):
        with pytest.raises(UpstreamDown):
            pool.leases.acquire(wish(tripped=[direct.line]), ticket=ticket, patience=PATIENCE)
        pool.leases.release(busy)
    assert in_queue(pool) == []
