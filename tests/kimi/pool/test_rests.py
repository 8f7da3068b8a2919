"""How accounts rest after failures, and come back."""

from __future__ import annotations

import pytest

from kimi.accounts import ConfiguredAccount
from kimi.errors import AllBusy, UpstreamDown
from kimi.pool import Lease, Rest
from kimi.pool.interventions import Interventions
from tests.kimi.pool.pools import Pool, rest, web, wish
from tests.kimi.pool.queueing import Ear, queue


def take(pool: Pool, *, tripped: tuple[str, ...] = ()) -> Lease:
    return pool.leases.acquire(wish(tripped=tripped))


def field_of(pool: Pool, field: str) -> str | None:
    value: str | None = pool.store.redis.hget(pool.store.key("account", "a"), field)
    return value


def fail(pool: Pool, kind: str = "Overloaded", *, told: float | None = None) -> float:
    """A request that fails; the seconds that its account rests then, which go by."""
    pool.clock.now += 0.001
    seconds = pool.leases.release(take(pool), rest=Rest(kind, "because", 5, 60, told=told)).rests
    pool.clock.now += seconds
    return seconds


def test_failures_in_a_row_make_it_longer_up_to_a_limit(pool: Pool) -> None:
    pool.fill(web("a"), lifetime=9000)
    assert [fail(pool) for _ in range(6)] == [5, 10, 20, 40, 60, 60]


def test_an_answer_or_another_kind_of_failure_ends_the_row(pool: Pool) -> None:
    pool.fill(web("a"), lifetime=9000)
    assert [fail(pool), fail(pool)] == [5, 10]
    pool.leases.release(take(pool), served=True)
    assert [fail(pool), fail(pool)] == [5, 10]
    assert fail(pool, "AccountBusy") == 5
    pool.leases.release(take(pool))
    assert fail(pool, "AccountBusy") == 10, "whoever gives an account back without an answer says nothing"


def test_what_the_upstream_says_goes_before_the_steps(pool: Pool) -> None:
    pool.fill(web("a"), lifetime=9000)
    assert [fail(pool), fail(pool, told=3), fail(pool, told=600), fail(pool)] == [5, 3, 600, 40]


def test_what_fails_together_is_one_failure(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=50))
    leases = [take(pool) for _ in range(50)]
    pool.clock.now += 1
    assert {pool.leases.release(lease, rest=Rest("Overloaded", "why", 5, 60)).rests for lease in leases[:-1]} == {5}
    assert pool.leases.release(leases[-1], rest=Rest("Overloaded", "why", 5, 60, told=30)).rests == 30


def test_after_a_rest_one_request_tries_the_account_for_all(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=3))
    old = take(pool)
    pool.clock.now += 1
    assert pool.leases.release(take(pool), rest=rest(10)).rests == 10
    pool.leases.release(old, served=True)
    pool.clock.now += 10
    probe = take(pool)
    with pytest.raises(AllBusy):
        take(pool)
    pool.clock.now += 1
    pool.leases.release(probe)
    probe = take(pool)
    with pytest.raises(AllBusy):
        take(pool)
    pool.leases.release(probe, served=True)
    assert [take(pool).account.name for _ in range(3)] == ["a", "a", "a"]


def test_a_probe_that_is_answered_makes_room_while_it_runs(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a", max_concurrency=4))
    failed = take(pool)
    assert not failed.is_probe
    pool.clock.now += 1
    pool.leases.release(failed, rest=rest(10))
    pool.clock.now += 10
    probe = take(pool)
    assert probe.is_probe
    queue(pool, "w.1", "w.2")
    pool.leases.prove(probe)
    assert ear.calls() == ["w.1", "w.2"]
    assert not pool.leases.acquire(wish(), ticket="w.1", patience=10).is_probe
    pool.leases.release(probe, rest=rest(10))
    pool.leases.prove(probe)
    assert field_of(pool, "strikes") == "2", "it failed behind its first words"


def test_a_probe_of_before_a_failure_says_nothing_of_the_time_after_it(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=4))
    fail(pool)
    probe = take(pool)
    pool.clock.now += pool.leases.seconds  # it is held for dead
    fail(pool)
    pool.leases.prove(probe)
    assert field_of(pool, "strikes") == "2"


def test_a_failure_does_not_wait_for_the_streams_beside_it(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=5))
    failed, *older = [take(pool) for _ in range(4)]
    pool.clock.now += 1
    pool.leases.release(failed, rest=rest(10))
    pool.clock.now += 10
    probe = take(pool)
    pool.leases.release(older.pop(), served=True)
    with pytest.raises(AllBusy):
        take(pool)  # what was under way says nothing, and its place is not one for a second probe
    pool.leases.release(probe, served=True)
    assert [take(pool).account.name for _ in range(3)] == ["a"] * 3


def test_a_probe_whose_holder_died_is_followed_by_another(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=3))
    older, failed = take(pool), take(pool)
    pool.clock.now += 1
    pool.leases.release(failed, rest=rest(10))
    pool.clock.now += 10
    take(pool)
    pool.clock.now += 40
    pool.leases.renew([older])
    pool.clock.now += 6
    assert take(pool).account.name == "a"


def test_a_probe_that_is_renewed_late_is_the_probe_again(pool: Pool, ear: Ear) -> None:
    pool.fill(web("a", max_concurrency=3))
    fail(pool)
    probe = take(pool)
    queue(pool, "w.1")
    pool.clock.now += pool.leases.seconds
    pool.leases.look(["kimi"])
    assert ear.calls() == ["w.1"], "it is held for dead"
    pool.clock.now += 1
    pool.leases.renew([probe])
    assert ear.calls() == []
    assert field_of(pool, "place") == "full"


def test_a_probe_of_an_earlier_row_of_failures_is_none_of_the_next(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a", max_concurrency=3))
    fail(pool)
    old_probe = take(pool)
    hands.clear("a")
    fail(pool)
    probe = take(pool)
    pool.leases.release(old_probe)
    with pytest.raises(AllBusy):
        take(pool)
    pool.leases.release(probe, served=True)
    assert [take(pool).account.name for _ in range(3)] == ["a"] * 3


def test_failures_count_where_the_clock_has_gone_back(pool: Pool, hands: Interventions) -> None:
    pool.fill(web("a"), lifetime=9000)
    assert fail(pool) == 5
    pool.clock.now -= 60
    hands.pause("a")
    pool.store.redis.hset(pool.store.key("account", "a"), "cool_until", 0)  # or it would rest for as long
    hands.resume("a")
    assert [fail(pool), fail(pool)] == [10, 20]
    pool.leases.release(take(pool), served=True)
    assert fail(pool) == 5


def test_a_new_credential_starts_without_strikes(pool: Pool) -> None:
    pool.fill(web("a", max_concurrency=2))
    assert [fail(pool), fail(pool)] == [5, 10]
    pool.members.sync([ConfiguredAccount(web("a", max_concurrency=2), "another")])
    pool.freshen("a")
    assert [take(pool).account.name for _ in range(2)] == ["a", "a"]


def test_accounts_behind_a_failing_upstream_are_passed_over(pool: Pool) -> None:
    direct = [web(f"direct-{number}", priority=1) for number in range(3)]
    proxied = web("proxied", proxy="http://127.0.0.1:1")
    pool.fill(*direct, proxied)
    (line,) = {account.line for account in direct}
    lease = take(pool, tripped=(line,))
    assert lease.account.name == "proxied"
    with pytest.raises(UpstreamDown):
        take(pool, tripped=(line,))
    assert take(pool).account.name.startswith("direct")
    pool.leases.release(lease)
    with pytest.raises(UpstreamDown):
        take(pool, tripped=(line, proxied.line))


def test_an_account_of_an_older_release_learns_its_line(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.store.redis.hdel(pool.store.key("account", "a"), "line", "strikes", "struck", "strike_kind")
    assert pool.leases.release(take(pool), served=True).rests == 0
    pool.configure(web("a"))
    with pytest.raises(UpstreamDown):
        take(pool, tripped=(web("a").line,))
