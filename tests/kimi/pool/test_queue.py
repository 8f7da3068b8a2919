"""The queue for accounts, one for all workers."""

from __future__ import annotations

import pytest
import redis

from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool import Leases
from tests.kimi.pool.pools import KIMI, Pool, rest, web, wish
from tests.kimi.pool.queueing import PATIENCE, Ear, in_queue, queue, take


def test_first_come_first_served_whichever_worker_they_came_to(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1", "v.1", "w.2")
    for ticket in ("w.1", "v.1", "w.2"):
        pool.leases.release(lease)
        assert ear.calls() == [ticket]
        lease = take(pool, ticket)
    pool.leases.release(lease)
    assert ear.calls() == []
    assert in_queue(pool) == []


def test_who_comes_late_does_not_overtake_who_was_called(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1")
    pool.leases.release(lease)
    queue(pool, "v.1")
    with pytest.raises(AllBusy):
        take(pool)
    assert take(pool, "w.1").account.name == "a"
    assert ear.calls() == ["w.1"]
    assert in_queue(pool) == ["v.1"]


def test_a_place_is_not_kept_for_long(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1")
    pool.leases.release(lease)
    pool.clock.now += 0.3
    lease = take(pool, "v.1")
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"], "it was called a moment ago"
    pool.clock.now += 1
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1"], "and is called again"


def test_as_many_are_called_as_there_are_places(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a", max_concurrency=3), web("b"))
    leases = [take(pool) for _ in range(4)]
    queue(pool, *(f"w.{number}" for number in range(6)))
    for lease in leases:
        pool.leases.release(lease)
    assert ear.calls() == ["w.0", "w.1", "w.2", "w.3"]
    assert {take(pool, f"w.{number}").account.name for number in range(4)} == {"a", "b"}
    with pytest.raises(AllBusy):
        take(pool, "w.4")


def test_accounts_that_become_free_by_time_are_given_in_turn(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    pool.leases.release(take(pool), rest=rest(5))
    for ticket in ("w.1", "w.2"):
        with pytest.raises(AllBusy) as caught:
            take(pool, ticket)
        assert caught.value.retry_after == 5
    assert pool.leases.look(["kimi"]) == 5
    assert ear.calls() == []
    pool.clock.now += 5
    assert pool.leases.look(["kimi"]) is None
    assert ear.calls() == ["w.1"]


def test_nobody_queues_who_would_wait_in_vain(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.leases.release(take(pool), rest=rest(PATIENCE + 5))
    with pytest.raises(AllBusy) as caught:
        take(pool, "w.1")
    assert caught.value.retry_after == PATIENCE + 5
    with pytest.raises(NoAccount):
        take(pool, "w.2", exclude=("a",))
    assert in_queue(pool) == []


def test_a_fresh_token_calls_those_who_wait_for_it(pool: Pool, ear: Ear) -> None:
    pool.configure(web("a"))
    with pytest.raises(AwaitingToken):
        take(pool, "w.1")
    pool.freshen("a")
    assert ear.calls() == ["w.1"]


def test_one_who_is_called_in_vain_passes_the_place_on(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b"))
    first, second = take(pool), take(pool)
    queue(pool, "w.1", "w.2")
    pool.leases.release(first)
    assert ear.calls() == ["w.1"]
    with pytest.raises(AllBusy):
        take(pool, "w.1", exclude=(first.account.name,))
    assert ear.calls() == ["w.2"]
    assert take(pool, "w.2").account.name == first.account.name
    pool.leases.release(second)
    assert ear.calls() == []
    pool.clock.now += 1
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1"], "but not at once"


def test_who_is_called_takes_what_was_kept(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b", priority=1))
    leases = {lease.account.name: lease for lease in (take(pool), take(pool))}
    queue(pool, "w.1", "w.2")
    pool.leases.release(leases["a"])
    pool.leases.release(leases["b"])
    assert ear.calls() == ["w.1", "w.2"]
    assert take(pool, "w.2").account.name == "b"
    assert take(pool, "w.1").account.name == "a"


def test_one_who_was_called_and_finds_its_account_resting_takes_another(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=2), web("b"))
    leases = [take(pool) for _ in range(3)]
    queue(pool, "w.1")
    first, other = (lease for lease in leases if lease.account.name == "a")
    pool.leases.release(first)
    pool.leases.release(other, rest=rest(5))
    pool.leases.release(next(lease for lease in leases if lease.account.name == "b"))
    assert take(pool, "w.1").account.name == "b"


def test_one_who_gives_up_after_the_call_passes_the_place_on(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    queue(pool, "w.1", "w.2")
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"]
    pool.leases.leave("w.1")
    assert ear.calls() == ["w.2"]
    pool.leases.leave("w.2")
    pool.leases.leave("w.2")
    assert in_queue(pool) == []


def test_tickets_and_leases_of_a_dead_worker_are_given_back(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b"))
    dead = Leases(pool.store, worker="v")
    dead.acquire(KIMI)
    mine = take(pool)
    with pytest.raises(AllBusy):
        dead.acquire(KIMI, ticket="v.1", patience=PATIENCE)
    queue(pool, "w.1")
    assert pool.leases.abandon("v") == 1
    assert in_queue(pool) == ["w.1"]
    assert ear.calls() == ["w.1"]
    assert take(pool, "w.1").account.name != mine.account.name
    assert pool.leases.abandon("v") == 0


def test_nothing_is_taken_from_workers_with_names_that_are_alike(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=9))
    for name in ("v*", "v1", "v"):
        Leases(pool.store, worker=name).acquire(KIMI)
    assert pool.leases.abandon("v*") == 1
    assert pool.leases.abandon("v") == 1
    assert pool.count("a") == 1


def test_a_worker_that_lives_keeps_what_it_holds(pool: Pool) -> None:
    pool.fill(web("a"), web("b", max_concurrency=2))
    mine = Leases(pool.store, worker="v")
    held, lost = mine.acquire(KIMI), mine.acquire(KIMI)
    assert mine.abandon("v", but=[held]) == 1
    assert (pool.count(held.account.name), pool.count(lost.account.name)) == (1, 0)


def test_tickets_that_nobody_holds_any_more_vanish(pool: Pool, redis_client: redis.Redis) -> None:
    pool.fill(web("a"))
    take(pool)
    queue(pool, *(f"v.{number}" for number in range(20)), "w.1")
    redis_client.delete(*(f"kimi:{{pool}}:ticket:v.{number}" for number in range(20)))
    pool.leases.look(["kimi"])
    assert in_queue(pool) == ["w.1"]
    assert 0 < redis_client.pttl("kimi:{pool}:ticket:w.1") <= (PATIENCE + 1) * 1000


def test_a_ticket_keeps_its_number(pool: Pool) -> None:
    pool.fill(web("a"))
    take(pool)
    queue(pool, "w.1", "w.2", "w.1")
    assert in_queue(pool) == ["w.1", "w.2"]


def test_several_routes_are_one_wish(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    with pytest.raises(AllBusy):
        pool.leases.acquire(wish("kimi", "kimi-classic"), ticket="w.1", patience=PATIENCE)
    queue(pool, "w.2")
    pool.leases.release(lease)
    assert ear.calls() == ["w.1"]
    lease = pool.leases.acquire(wish("kimi", "kimi-classic"), ticket="w.1", patience=PATIENCE)
    assert pool.store.redis.exists(pool.store.key("route", "kimi-classic", "queue")) == 0
    pool.leases.release(lease)
    assert ear.calls() == ["w.2"]


def test_first_come_first_served_along_whichever_route(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    tickets = {"w.1": "kimi:*", "w.2": "kimi", "w.3": "kimi:*", "w.4": "kimi"}
    for ticket, route in tickets.items():
        with pytest.raises(AllBusy):
            take(pool, ticket, route)
    for ticket, route in tickets.items():
        pool.leases.release(lease)
        assert ear.calls() == [ticket]
        lease = take(pool, ticket, route)


def test_who_was_called_and_did_not_come_stands_where_he_stood(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a", max_concurrency=3))
    leases = [take(pool) for _ in range(3)]
    for number in range(1, 7):
        queue(pool, f"w.{number}", model=("kimi", "k3")[number % 2])
    for lease in leases[:2]:
        pool.leases.release(lease)
    assert ear.calls() == ["w.1", "w.2"]
    pool.clock.now += 0.3
    pool.leases.release(leases[2])
    assert ear.calls() == ["w.3", "w.4", "w.5"]
    pool.clock.now += 0.8
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1", "w.2", "w.6"]


def test_calls_that_were_lost_are_made_again_in_order(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a", max_concurrency=2))
    leases = [take(pool) for _ in range(2)]
    queue(pool, "w.1")
    queue(pool, "w.2", model="k3")
    queue(pool, "w.3")
    for lease in leases:
        pool.leases.release(lease)
    assert ear.calls() == ["w.1", "w.2"]
    pool.clock.now += 1.1
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1", "w.2"]


def test_who_asks_again_for_less_is_called_for_no_more(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a"), web("b"))
    leases = {lease.account.name: lease for lease in (take(pool), take(pool))}
    queue(pool, "w.1")
    queue(pool, "w.1", exclude=("a",))
    pool.leases.release(leases["a"])
    assert ear.calls() == []
    pool.leases.release(leases["b"])
    assert ear.calls() == ["w.1"]


def test_a_lost_call_is_made_again_though_many_who_do_not_suit_stand_in_front(pool: Pool, ear: Ear) -> None:
    names = tuple(f"a{number}" for number in range(20))
    pool.fill(*map(web, names), web("good"))
    lease = take(pool, exclude=names)
    assert lease.account.name == "good"
    queue(pool, "w.lost", "w.1", exclude=names)
    pool.leases.release(lease)
    assert ear.calls() == ["w.lost"]
    pool.clock.now += 0.5
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1"]
    assert take(pool, "w.1", exclude=names).account.name == "good"


def test_one_worker_looks_for_all(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.leases.release(take(pool), rest=rest(5))
    first, second = (Leases(pool.store, worker=name) for name in "vw")
    assert [each.look(["kimi"]) for each in (first, second, first)] == [5, None, 5]
    assert second.look(["kimi", "kimi:*"]) == 5, "nobody looks along the other route"
    looker = pool.store.key("route", "kimi", "looker")
    assert 0 < pool.store.redis.pttl(looker) <= 1000
    pool.store.redis.delete(looker)
    assert [each.look(["kimi"]) for each in (second, first)] == [5, None]


def test_who_waits_in_a_process_of_an_older_release_is_called(pool: Pool, ear: Ear, redis_client: redis.Redis) -> None:
    pool.fill(web("a"))
    lease = take(pool)
    for number, ticket in enumerate(("v.1", "v.2", "v.called"), 1):
        redis_client.hset(
            f"kimi:{{pool}}:ticket:{ticket}",
            mapping={
                "number": number,
                "again": 0 if ticket != "v.called" else int((pool.clock.now + 10) * 1000),
                "routes": '["kimi"]',
                "wish": '["kimi",{},{}]' if ticket != "v.2" else '["kimi",["a"],{}]',
            },
        )
        redis_client.pexpire(f"kimi:{{pool}}:ticket:{ticket}", 11_000)
        redis_client.zadd("kimi:{pool}:route:kimi:queue", {ticket: number})
    redis_client.set("kimi:{pool}:tickets", 3)
    queue(pool, "w.1")
    pool.leases.look(["kimi"])
    for ticket in ("v.1", "w.1"):
        pool.leases.release(lease)
        assert ear.calls() == [ticket]
        lease = take(pool, ticket)
    pool.leases.release(lease)
    assert ear.calls() == []
    pool.clock.now += 10
    pool.leases.look(["kimi"])
    assert ear.calls() == ["v.called"]
