"""Who is chosen: priorities, weights, and who is passed over."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from kimi.accounts import Account, Kind
from kimi.errors import AllBusy, NoAccount
from kimi.pool.interventions import Interventions
from tests.kimi.pool.pools import Pool, rest, take, web, wish


def test_a_higher_priority_goes_first_until_it_is_full(pool: Pool) -> None:
    pool.fill(web("spare", priority=-1), web("first", priority=5), web("middle"))
    assert [take(pool).account.name for _ in range(3)] == ["first", "middle", "spare"]


@pytest.mark.parametrize("parallel", [1, 2, 5, 40])
def test_shares_go_by_weight_however_many_requests_run_at_once(pool: Pool, parallel: int) -> None:
    pool.fill(*(web(f"{weight}", weight=weight, max_concurrency=50) for weight in (1, 2, 3)))
    running = [take(pool) for _ in range(parallel)]
    taken: Counter[str] = Counter()
    for number in range(1200):
        pool.leases.release(running.pop(number * 7919 % parallel))
        running.append(take(pool))
        taken[running[-1].account.name] += 1
    for name, share in {"1": 200, "2": 400, "3": 600}.items():
        assert taken[name] == pytest.approx(share, rel=0.03)


def test_an_account_that_is_full_is_passed_over(pool: Pool) -> None:
    pool.fill(web("small", max_concurrency=2), web("large", max_concurrency=8))
    assert Counter(take(pool).account.name for _ in range(10)) == {"large": 8, "small": 2}


@pytest.mark.parametrize(
    ("weights", "elsewhere"), [((1, 2, 3), 0), ((1, 2, 3), 2), ((0.01, 0.02, 0.03), 0), ((2000, 4000, 6000), 0)]
)
def test_idle_accounts_share_by_weight(pool: Pool, weights: tuple[float, ...], elsewhere: int) -> None:
    shares = [web(f"{number}", weight=weight) for number, weight in enumerate(weights)]
    pool.fill(*shares, Account(name="old", kind=Kind.CLASSIC))
    taken: Counter[str] = Counter()
    for _ in range(600):
        lease = take(pool)
        taken[lease.account.name] += 1
        pool.leases.release(lease)
        for _ in range(elsewhere):
            pool.leases.release(take(pool, ["kimi-classic"]))
    for name, share in {"0": 100, "1": 200, "2": 300}.items():
        assert taken[name] == pytest.approx(share, rel=0.03)


def test_two_routes_share_by_weight_as_one(pool: Pool) -> None:
    pool.fill(web("one", weight=1), web("two", weight=2), Account(name="three", kind=Kind.CLASSIC, weight=3))
    for _ in range(50):
        pool.leases.release(take(pool))  # what ran on one route alone is not made up for
    taken: Counter[str] = Counter()
    for _ in range(300):
        lease = take(pool, ["kimi", "kimi-classic"])
        taken[lease.account.name] += 1
        pool.leases.release(lease)
    for name, share in {"one": 50, "two": 100, "three": 150}.items():
        assert taken[name] == pytest.approx(share, rel=0.05)


def test_an_account_that_comes_late_does_not_get_all_the_traffic(pool: Pool) -> None:
    pool.fill(web("old"))
    for _ in range(50):
        pool.leases.release(take(pool))
    pool.fill(web("old"), web("new"))
    taken: Counter[str] = Counter()
    for _ in range(20):
        lease = take(pool)
        taken[lease.account.name] += 1
        pool.leases.release(lease)
    assert taken["new"] <= 11


@pytest.mark.parametrize("by", ["file", "hand", "models"])
def test_an_account_that_moves_to_another_queue_shares_there_at_once(pool: Pool, hands: Interventions, by: str) -> None:
    def accounts(priority: int) -> list[Account]:
        return [Account(name=n, kind=Kind.MOONSHOT, priority=p) for n, p in (("moved", priority), ("there", 1))]

    routes = ["moonshot:new", "moonshot:old"]
    pool.fill(*accounts(1 if by == "models" else 2), models=("new",))
    if by == "models":
        pool.freshen("moved", models=("old",))
    for _ in range(50):
        pool.leases.release(pool.leases.acquire(wish(*routes, only="moved")))
    match by:
        case "file":
            pool.configure(*accounts(1))
        case "hand":
            assert hands.edit("moved", lambda account: replace(account, priority=1))
        case _:
            pool.freshen("moved", models=("new",))
    taken: Counter[str] = Counter()
    for _ in range(20):
        lease = take(pool, ["moonshot:new"])
        taken[lease.account.name] += 1
        pool.leases.release(lease)
    assert taken["moved"] in (10, 11)


def test_accounts_that_were_tried_are_passed_over(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    assert take(pool, exclude=("a",)).account.name == "b"
    with pytest.raises(AllBusy):
        take(pool, exclude=("a",))
    with pytest.raises(NoAccount, match="every account was tried"):
        take(pool, exclude=("a", "b"))


def test_waiting_is_for_accounts_that_were_not_tried(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    pool.leases.release(take(pool), rest=rest(30, "busy"))
    other = take(pool)
    with pytest.raises(AllBusy):
        take(pool, exclude=("a",))
    pool.leases.release(other, rest=rest(10, "busy"))
    with pytest.raises(AllBusy) as caught:
        take(pool)
    assert caught.value.retry_after == 10
    with pytest.raises(NoAccount):
        take(pool, exclude=("a", "b"))


def test_many_tried_accounts_do_not_hide_the_good_one(pool: Pool) -> None:
    names = [f"a{i:03}" for i in range(100)]
    pool.fill(*(web(name) for name in names))
    assert take(pool, exclude=tuple(names[:-1])).account.name == "a099"


def test_no_number_of_accounts_that_refuse_a_model_hides_the_one_that_takes_it(pool: Pool) -> None:
    names = [f"a{i:03}" for i in range(300)]
    pool.fill(*(web(name) for name in names))
    for _ in names[:-1]:
        pool.leases.release(take(pool, model="kimi-k3"), rest=rest(3600, "plan", model="kimi-k3"))
    last = take(pool, model="kimi-k3")
    pool.leases.release(last)
    assert take(pool, model="kimi-k3").account.name == last.account.name


def test_how_long_to_wait_is_not_said_while_a_token_may_come_sooner(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    pool.leases.reject(take(pool))
    pool.leases.release(take(pool), rest=rest(60, "busy"))
    with pytest.raises(AllBusy) as caught:
        take(pool)
    assert caught.value.retry_after is None


def test_how_long_to_wait_is_said_of_those_who_can_serve_the_request(pool: Pool) -> None:
    pool.fill(web("tried"), web("refusing"), web("left"))
    pool.leases.release(take(pool, exclude=["refusing", "left"]), rest=rest(5))
    pool.leases.release(take(pool, model="k3", exclude=["left"]), rest=rest(3600, model="k3"))
    pool.leases.release(take(pool, exclude=["left"]), rest=rest(7))
    pool.leases.release(take(pool), rest=rest(300))
    with pytest.raises(AllBusy) as caught:
        take(pool, model="k3", exclude=["tried"])
    assert caught.value.retry_after == 300


@pytest.mark.parametrize("place", ["ready", "full", "cooling", "pending"])
def test_nobody_waits_for_accounts_that_refuse_the_model(pool: Pool, place: str) -> None:
    pool.fill(web("a"))
    pool.leases.release(take(pool, model="k3"), rest=rest(3600, model="k3"))
    if place != "ready":
        lease = take(pool)
        if place == "pending":
            pool.leases.reject(lease)
        if place == "full":
            with pytest.raises(AllBusy):
                take(pool)  # until somebody meets it full it stands where it stood
        else:
            pool.leases.release(lease, rest=rest(5))
    with pytest.raises(NoAccount, match="every account was tried") as caught:
        take(pool, model="k3")
    assert type(caught.value) is NoAccount


def test_only_the_wanted_routes_are_considered(pool: Pool) -> None:
    pool.fill(web("web"), Account(name="old", kind=Kind.CLASSIC))
    pool.fill(
        web("web"), Account(name="old", kind=Kind.CLASSIC), Account(name="key", kind=Kind.MOONSHOT), models=("kimi-k3",)
    )
    assert take(pool, ["kimi-classic"]).account.name == "old"
    assert take(pool, ["moonshot:kimi-k3"]).account.name == "key"
    with pytest.raises(NoAccount, match="no account serves this"):
        take(pool, ["moonshot:unknown"])


def test_two_routes_compete_as_one(pool: Pool) -> None:
    pool.fill(web("web", priority=1), Account(name="key", kind=Kind.MOONSHOT, models=("kimi-k3",), priority=2))
    assert take(pool, ["kimi", "moonshot:kimi-k3"]).account.name == "key"
    pool.fill(web("web", priority=3), Account(name="key", kind=Kind.MOONSHOT, models=("kimi-k3",), priority=2))
    assert take(pool, ["moonshot:kimi-k3", "kimi"]).account.name == "web"
