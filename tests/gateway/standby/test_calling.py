"""Who is called when somebody in memory is free."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kimi.errors import AllBusy
from tests.gateway.copies import NOW, copy_of
from tests.gateway.standby.desks import REST, desk
from tests.kimi.pool.pools import web


def test_first_come_first_served() -> None:
    worker = desk("a")
    lease = worker.take()
    worker.queue("w.1", "w.2")
    worker.give(lease)
    assert worker.called == ["w.1"]
    with pytest.raises(AllBusy):
        worker.take("w.3")
    with pytest.raises(AllBusy):
        worker.take("w.2")
    first = worker.take("w.1")
    worker.give(first)
    assert worker.called == ["w.1", "w.2"]
    worker.give(worker.take("w.2"))
    assert worker.called == ["w.1", "w.2", "w.3"]


def test_whom_it_does_not_fit_is_passed_over_but_keeps_the_place() -> None:
    worker = desk("a", "b")
    leases = {lease.account.name: lease for lease in (worker.take(), worker.take())}
    worker.queue("w.1", exclude=("a",))
    worker.queue("w.2")
    worker.give(leases["a"])
    assert worker.called == ["w.2"]
    worker.give(leases["b"])
    assert worker.called == ["w.2", "w.1"]


def test_who_is_called_to_a_line_that_is_left_alone_by_now_leaves_it_to_others() -> None:
    broken = web("a", proxy="socks5h://one:1")
    worker = desk(broken, "b")
    leases = {lease.account.name: lease for lease in (worker.take(), worker.take())}
    worker.queue("w.1", "w.2")
    worker.give(leases["a"])
    with pytest.raises(AllBusy):
        worker.take("w.1", tripped=(broken.line,))
    assert worker.called == ["w.1", "w.2"]
    assert worker.take("w.2").account.name == "a"
    worker.give(leases["b"])
    assert worker.take("w.1", tripped=(broken.line,)).account.name == "b"


def test_as_many_are_called_as_there_are_places() -> None:
    worker = desk(web("a", max_concurrency=3))
    lease = worker.take()
    worker.clock.advance(1)
    worker.give(lease, REST)
    worker.queue("w.1", "w.2", "w.3")
    assert worker.standby.look() == 5
    worker.clock.advance(5)
    assert worker.standby.look() is None
    assert worker.called == ["w.1"], "one tries it"
    worker.give(worker.take("w.1"), served=True)
    assert worker.called == ["w.1", "w.2", "w.3"]


def test_who_comes_just_when_an_account_has_rested_does_not_overtake() -> None:
    worker = desk(copy_of("a", cool_until=NOW + 5))
    worker.queue("w.1")
    worker.clock.advance(5)
    with pytest.raises(AllBusy):
        worker.take("w.2")
    assert worker.called == ["w.1"]
    assert worker.take("w.1").account.name == "a"


def test_who_waits_is_called_when_a_model_is_refused_no_longer() -> None:
    worker = desk(copy_of("a", refused={"k3": NOW + 2}), "b")
    lease = worker.take(model="k3")
    worker.queue("w.1", model="k3")
    worker.clock.advance(2)
    worker.standby.look()
    assert worker.called == ["w.1"]
    assert worker.take("w.1", model="k3").account.name == "a"
    worker.queue("w.2", model="k3")
    worker.give(lease, replace(REST, model="k3"))
    worker.clock.advance(5)
    worker.standby.look()
    assert worker.called == ["w.1", "w.2"]


def test_one_who_asks_before_being_called_gets_what_was_kept() -> None:
    worker = desk(copy_of("a", cool_until=NOW + 5))
    worker.queue("w.1")
    worker.clock.advance(5)
    worker.take("w.1")
    assert len(worker.holdings.leases) == 1


def test_one_who_gives_up_passes_the_account_on() -> None:
    worker = desk("a")
    lease = worker.take()
    worker.queue("w.1", "w.2", "w.3")
    worker.standby.leave("w.2")
    worker.give(lease)
    worker.standby.leave("w.1")
    assert worker.called == ["w.1", "w.3"]
    worker.standby.leave("w.3")
    worker.standby.leave("w.3")
    assert worker.holdings.leases == []


def test_nobody_queues_for_what_takes_too_long() -> None:
    worker = desk(copy_of("a", cool_until=NOW + 16))
    worker.queue("w.1")
    worker.clock.advance(16)
    worker.standby.look()
    assert worker.called == []


def test_what_nobody_came_for_is_given_back_at_the_end() -> None:
    worker = desk("a")
    lease = worker.take()
    worker.queue("w.1")
    worker.give(lease)
    assert len(worker.holdings.leases) == 1
    worker.standby.close()
    assert worker.holdings.leases == []
