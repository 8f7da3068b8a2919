"""When an upstream is left alone, and when it is asked again."""

from __future__ import annotations

import logging

import gevent
import pytest

from gateway.breaker import FORGET, SHORTEST, Breaker
from kimi.accounts import Account
from kimi.errors import (
    AccountBusy,
    BrokenAnswer,
    ContentRefused,
    KimiError,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from kimi.pool import Lease
from tests.gateway.fakes import Clock
from tests.kimi.pool.pools import web

ALICE, BOB = web("alice"), web("bob")
ELSEWHERE = web("carol", proxy="http://proxy")


class Scene:
    """A breaker, its clock, and what it said of the number of open lines."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[int] = []
        self.breaker = Breaker(self.clock, self.told.append)

    def fail(self, count: int = 1, *, every: float = 1.0, account: Account = ALICE, lease: str = "w.1") -> None:
        for _ in range(count):
            self.breaker.ended(account, lease, Unreachable("x"))
            self.clock.advance(every)

    def admits(self, account: Account, lease: str) -> bool:
        """Whether somebody who asks just now is given the account, with `lease`."""
        is_open = account.line not in self.breaker.ask("w.ticket")
        self.breaker.chose("w.ticket", Lease(lease, account, "token", 1, 0.0) if is_open else None)
        return is_open

    def opened(self) -> Scene:
        """Five failures in four seconds; the last was just now."""
        self.fail(4)
        self.fail(every=0)
        assert self.breaker.tripped() == {ALICE.line}
        return self

    def probing(self) -> Scene:
        """The pause is over, and one request finds out."""
        self.opened()
        self.clock.advance(SHORTEST)
        assert self.admits(ALICE, "w.probe")
        return self


def test_in_the_beginning_everything_may_be_asked() -> None:
    scene = Scene()
    assert scene.breaker.tripped() == frozenset()
    assert scene.admits(ALICE, "w.1")
    assert scene.breaker.remaining() == 0.0


@pytest.mark.parametrize("error", [Unreachable(), UpstreamTimeout(), BrokenAnswer(), UpstreamError()])
def test_five_failures_over_three_seconds_are_enough(error: KimiError) -> None:
    scene = Scene()
    for _ in range(4):
        scene.breaker.ended(ALICE, "w.1", error)
        scene.clock.advance(0.75)
    assert scene.breaker.tripped() == frozenset()
    scene.breaker.ended(BOB, "w.1", error)
    assert scene.breaker.tripped() == {ALICE.line} == {BOB.line}
    assert scene.breaker.remaining() == SHORTEST
    assert scene.told == [1]


def test_a_burst_of_failures_opens_nothing() -> None:
    scene = Scene()
    scene.fail(100, every=0.02)
    assert scene.breaker.tripped() == frozenset()


def test_few_failures_open_nothing_however_long_they_go_on() -> None:
    scene = Scene()
    scene.fail(4, every=100)
    assert scene.breaker.tripped() == frozenset()


@pytest.mark.parametrize("error", [AccountBusy(), ContentRefused()])
def test_whatever_shows_that_the_upstream_lives_ends_the_row(error: KimiError) -> None:
    scene = Scene()
    scene.fail(4)
    scene.breaker.ended(BOB, "w.2", error)
    scene.fail(4)
    assert scene.breaker.tripped() == frozenset()


def test_an_account_that_always_fails_stops_no_other() -> None:
    scene = Scene()
    for _ in range(20):
        scene.fail()
        scene.breaker.answered(BOB)
    assert scene.breaker.tripped() == frozenset()


def test_a_client_that_leaves_says_nothing() -> None:
    scene = Scene()
    scene.fail(4)
    scene.breaker.ended(BOB, "w.2", None)
    scene.fail()
    assert scene.breaker.tripped() == {ALICE.line}


def test_other_lines_are_not_concerned() -> None:
    scene = Scene().opened()
    assert ELSEWHERE.line not in scene.breaker.tripped()
    assert scene.admits(ELSEWHERE, "w.2")
    assert not scene.admits(BOB, "w.2")


def test_after_the_pause_exactly_one_request_finds_out() -> None:
    scene = Scene().opened()
    scene.clock.advance(SHORTEST - 0.1)
    assert not scene.admits(ALICE, "w.1")
    scene.clock.advance(0.1)
    assert scene.breaker.tripped() == frozenset()
    assert [scene.admits(ALICE, f"w.{number}") for number in range(3)] == [True, False, False]
    assert scene.breaker.tripped() == {ALICE.line}
    assert scene.breaker.remaining() > 0


def test_while_somebody_asks_for_the_probe_nobody_else_does() -> None:
    scene = Scene().opened()
    scene.clock.advance(SHORTEST)
    assert scene.breaker.untried() == {ALICE.line}
    assert scene.breaker.ask("w.1") == frozenset()
    assert scene.breaker.ask("w.2") == scene.breaker.tripped() == {ALICE.line}
    scene.breaker.chose("w.2", None)
    assert scene.breaker.untried() == frozenset()
    scene.breaker.chose("w.1", Lease("w.lease", ELSEWHERE, "token", 1, 0.0))
    assert scene.breaker.untried() == {ALICE.line}


def test_whoever_wants_to_know_hears_when_a_line_is_open_to_all() -> None:
    scene, opened = Scene(), list[frozenset[str]]()
    scene.breaker.when_opened(lambda: opened.append(scene.breaker.tripped()))
    scene.breaker.answered(ALICE)
    scene.probing().breaker.answered(ALICE)
    assert opened == [frozenset()]


def test_a_probe_that_succeeds_opens_the_line_to_all() -> None:
    scene = Scene().probing()
    scene.breaker.answered(ALICE)
    scene.breaker.ended(ALICE, "w.probe", None)
    assert scene.breaker.tripped() == frozenset()
    assert scene.told == [1, 0]
    scene.fail(4)
    assert scene.breaker.tripped() == frozenset()


def test_probes_that_fail_make_the_pause_longer_up_to_a_limit() -> None:
    scene, pauses = Scene().opened(), []
    for _ in range(6):
        pauses.append(scene.breaker.remaining())
        scene.clock.advance(scene.breaker.remaining())
        assert scene.admits(BOB, "w.probe")
        scene.fail(account=BOB, lease="w.probe", every=0)
    assert pauses == [3, 6, 12, 12, 12, 12]
    assert scene.told == [1]


def test_a_probe_whose_client_leaves_makes_room_for_another() -> None:
    scene = Scene().probing()
    scene.breaker.ended(ALICE, "w.other", None)
    assert not scene.admits(ALICE, "w.2")
    scene.breaker.ended(ALICE, "w.probe", None)
    assert scene.admits(ALICE, "w.2")


def test_what_was_under_way_before_does_not_lengthen_the_pause_but_can_end_it() -> None:
    scene = Scene().opened()
    scene.fail(10, every=0.1)
    assert scene.breaker.remaining() == pytest.approx(SHORTEST - 1.0)
    scene.breaker.answered(BOB)
    assert scene.breaker.tripped() == frozenset()


def test_a_line_that_nobody_uses_any_more_is_forgotten() -> None:
    scene = Scene().opened()
    scene.clock.advance(FORGET)
    assert scene.breaker.tripped() == frozenset()
    assert scene.told == [1]
    scene.clock.advance(1)
    assert scene.breaker.tripped() == frozenset()
    assert scene.breaker.remaining() == 0.0
    assert scene.told == [1, 0]
    scene.fail(4, every=0)
    assert scene.told == [1, 0], "what was before counts no longer"


def test_opening_and_closing_are_one_line_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene = Scene().probing()
    scene.fail(lease="w.probe", every=10)
    assert scene.admits(ALICE, "w.probe")
    scene.breaker.answered(ALICE)
    scene.breaker.answered(ALICE)
    assert [record.getMessage() for record in caplog.records] == [
        "the upstream of account alice (kimi) failed 5 times in 4 s and is left alone until it answers: Unreachable: x",
        "the upstream of account alice (kimi) is there again",
    ]


@pytest.mark.parametrize(("ending", "opened"), [("answered", True), ("failed", False), ("left", False)])
def test_others_can_wait_for_what_a_probe_finds_out(ending: str, *, opened: bool) -> None:
    scene = Scene().probing()
    waiting = gevent.spawn(scene.breaker.await_probe, 0.5)
    gevent.idle()
    assert not waiting.ready()
    if ending == "answered":
        scene.breaker.answered(ALICE)
    elif ending == "failed":
        scene.fail(lease="w.probe")
    else:
        scene.breaker.ended(ALICE, "w.probe", None)
        assert scene.admits(ALICE, "w.next")
    waiting.join(1)
    assert waiting.value is opened


def test_whoever_waits_for_one_probe_hears_of_another_line_too() -> None:
    scene = Scene().opened()
    scene.fail(5, account=ELSEWHERE)
    scene.clock.advance(SHORTEST)
    breaker = scene.breaker
    assert not breaker.ask("w.1") and breaker.ask("w.2") == {ALICE.line, ELSEWHERE.line}
    breaker.chose("w.1", Lease("w.probe", ALICE, "token", 1, 0.0))
    breaker.chose("w.2", None)
    assert breaker.await_probe(0.5), "the one that asked for both has left one to others"
    assert scene.admits(ELSEWHERE, "w.3")
    waiting = gevent.spawn(breaker.await_probe, 5)
    gevent.idle()
    scene.fail(lease="w.probe")
    gevent.idle()
    breaker.answered(ELSEWHERE)
    waiting.join(1)
    assert waiting.value is True, "one that fails says nothing of the other"


def test_who_was_kept_from_a_line_while_another_asked_may_ask_now() -> None:
    scene = Scene().opened()
    scene.clock.advance(SHORTEST)
    assert scene.breaker.await_probe(60)


def test_without_a_probe_there_is_nothing_to_wait_for() -> None:
    assert not Scene().opened().breaker.await_probe(60)
    assert not Scene().probing().breaker.await_probe(0.01)
