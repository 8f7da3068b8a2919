from __future__ import annotations

from gateway.drain import Drain
from tests.gateway.fakes import Clock


def test_it_has_not_begun_by_itself() -> None:
    drain = Drain(0, Clock())
    assert not drain.begun
    assert not drain.over


def test_it_is_over_when_its_time_is_up() -> None:
    clock = Clock()
    drain = Drain(30, clock)
    drain.begin()
    assert drain.begun
    clock.advance(29.9)
    assert not drain.over
    clock.advance(0.1)
    assert drain.over


def test_beginning_again_gives_no_more_time() -> None:
    clock = Clock()
    drain = Drain(30, clock)
    drain.begin()
    clock.advance(20)
    drain.begin()
    clock.advance(10)
    assert drain.over


def test_the_gateway_may_be_told_to_end_after_a_worker_of_it() -> None:
    drain = Drain(30, Clock())
    drain.begin(whole=False)
    assert (drain.begun, drain.whole) == (True, False)
    drain.begin()
    drain.begin(whole=False)
    assert drain.whole
