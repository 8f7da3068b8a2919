"""What failures make of accounts in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kimi.accounts import State
from kimi.errors import AllBusy, AwaitingToken
from kimi.pool import Lease, Rest, Summary
from tests.gateway.copies import NOW, copy_of
from tests.gateway.standby.desks import REST, desk
from tests.kimi.pool.pools import web


class Told:
    """The pool, and what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def reject(self, lease: Lease) -> None:
        self.said.append(f"reject {lease.account.name}")

    def release(self, lease: Lease, *, rest: Rest) -> None:
        self.said.append(f"release {lease.account.name} {rest.told:g}")

    def mark(self, name: str, version: int, state: State, reason: str) -> None:
        self.said.append(f"mark {name}")


@pytest.mark.parametrize("begins", [False, True])
def test_failures_in_a_row_rest_ever_longer_until_one_is_served(begins: bool) -> None:
    worker = desk("a")

    def fail() -> float:
        worker.clock.advance(0.1)
        lease = worker.take()
        if begins:  # and breaks off
            worker.standby.prove(lease)
        seconds = worker.give(lease, REST)
        worker.clock.advance(seconds)
        return seconds

    assert [fail() for _ in range(5)] == pytest.approx([5, 10, 20, 40, 60])
    worker.clock.advance(0.1)
    worker.give(worker.take(), served=True)
    assert fail() == 5


def test_a_probe_that_is_answered_makes_room_for_those_who_wait() -> None:
    worker = desk(web("a", max_concurrency=3))
    failed = worker.take()
    worker.clock.advance(1)
    worker.clock.advance(worker.give(failed, REST))
    probe = worker.take()
    assert (failed.is_probe, probe.is_probe) == (False, True)
    worker.queue("w.1", "w.2")
    worker.standby.prove(probe)
    assert worker.called == ["w.1", "w.2"]
    assert not worker.take("w.1").is_probe
    worker.standby.prove(replace(probe, account=web("unknown")))


def test_what_fails_beside_a_failure_is_no_further_one() -> None:
    worker = desk(web("a", max_concurrency=3))
    leases = [worker.take() for _ in range(3)]
    worker.clock.advance(1)
    assert worker.give(leases[0], REST) == 5
    worker.clock.advance(1)
    assert [worker.give(lease, REST) for lease in leases[1:]] == [4, 4]


def test_a_row_that_began_before_goes_on() -> None:
    worker = desk(copy_of("a", strikes=2, strike_kind="Overloaded", struck=NOW - 30))
    assert worker.give(worker.take(), REST) == 20


def test_a_failure_that_a_clock_ahead_of_ours_has_told_hides_no_other_one() -> None:
    worker = desk(copy_of("a", strikes=1, strike_kind="Overloaded", struck=NOW + 30))
    assert worker.give(worker.take(), REST) == 10
    worker.clock.advance(10)
    worker.give(worker.take(), served=True)
    assert worker.give(worker.take(), REST) == 5


def test_one_request_tries_an_account_that_has_rested() -> None:
    worker = desk(web("a", max_concurrency=3))
    lease = worker.take()
    worker.clock.advance(1)
    worker.give(lease, REST)
    worker.clock.advance(6)
    trial = worker.take()
    with pytest.raises(AllBusy):
        worker.take()
    worker.give(trial, served=True)
    assert len([worker.take() for _ in range(3)]) == 3


def test_a_failure_does_not_wait_for_the_streams_beside_it() -> None:
    worker = desk(web("a", max_concurrency=5))
    failed, *older = [worker.take() for _ in range(4)]
    worker.clock.advance(1)
    worker.give(failed, REST)
    worker.clock.advance(6)
    trial = worker.take()
    worker.give(older.pop(), served=True)
    with pytest.raises(AllBusy):
        worker.take()
    worker.give(trial, served=True)
    assert len([worker.take() for _ in range(3)]) == 3


def test_what_the_upstream_says_goes_before() -> None:
    worker = desk("a")
    assert worker.give(worker.take(), Rest("QuotaSpent", "spent", 600, 6000, told=77)) == 77


def test_a_refused_token_and_a_dead_account_are_told_once() -> None:
    worker = desk(web("a", max_concurrency=2), "b")
    leases = [lease for _ in range(3) if (lease := worker.take()).account.name == "a"]
    assert [worker.standby.reject(lease) for lease in leases] == [True, False]
    assert not worker.standby.reject(Lease("w.9", web("b"), "older", 1, NOW))
    assert not worker.standby.reject(Lease("w.9", web("unknown"), "t", 1, NOW))
    assert not worker.standby.mark("b", 1, State.DEAD, "an older credential")
    assert worker.standby.mark("b", 2, State.DEAD, "refused")
    assert not worker.standby.mark("b", 2, State.DEAD, "refused")
    for lease in leases:
        worker.give(lease)
    with pytest.raises(AwaitingToken):
        worker.take()
    assert worker.standby.summary() == Summary(0, frozenset({"kimi"}))


def test_the_keys_of_an_organisation_rest_together() -> None:
    worker = desk(copy_of("a"), copy_of("b", organisation="abc"), copy_of("c", organisation="xyz"), copy_of("d"))
    limit = replace(REST, kind="RateLimited", organisation="abc")
    assert worker.give(worker.take(only="a"), limit) == 5
    with pytest.raises(AllBusy) as caught:
        worker.take(only="b")
    assert caught.value.retry_after == 5
    assert worker.take(only="c").account.name == "c"
    worker.clock.now += 5
    assert worker.take(only="b").account.name == "b"


def test_what_becomes_of_an_account_that_is_not_in_memory_is_told_as_well() -> None:
    worker = desk("a")
    leases = [Lease(f"w.{number}", web(name), "token", 3, NOW - 1) for number, name in enumerate(("x", "y", "z"))]
    for lease in leases:
        worker.holdings.add(lease)
    worker.open()
    assert worker.standby.summary() == Summary(1, frozenset({"kimi"}))
    assert worker.standby.reject(leases[0])
    assert worker.standby.mark("y", 3, State.BANNED, "closed")
    assert worker.give(leases[2], replace(REST, told=600.0)) == 600
    for lease in leases[:2]:
        worker.give(lease)
    assert worker.take().account.name == "a"
    with pytest.raises(AllBusy):
        worker.take()
    told = Told()
    assert worker.standby.tell(told, told) == 3  # type: ignore[arg-type]
    assert sorted(told.said) == ["mark y", "reject x", "release z 600"]
