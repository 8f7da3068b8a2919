"""What all watches have in common; what each looks at is tested beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.watch import Watch
from kimi.errors import StoreUnavailable, Unreadable
from kimi.pool.schema import LOOK_SECONDS
from tests.gateway.fakes import Clock


class Scripted(Watch):
    """One that finds what it is told to."""

    refusal = Unreadable
    so = "that is that"
    again = "it is well again"

    def __init__(self, clock: Clock) -> None:
        super().__init__(monotonic=clock)
        self.finds: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None
        self.looks = 0
        self.left = 0

    def _look(self) -> None:
        self.looks += 1
        self.meanwhile()
        if self.finds is not None:
            raise self.finds

    def _leave(self) -> None:
        self.left += 1
        if self.finds is not None:
            raise self.finds


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def watch(clock: Clock) -> Scripted:
    return Scripted(clock)


def test_while_redis_is_away_stands_what_was_seen_last(watch: Scripted, clock: Clock) -> None:
    for finds, shut_out in ((StoreUnavailable(), False), (Unreadable("x"), True), (StoreUnavailable(), True)):
        watch.finds = finds
        watch.check()
        assert watch.is_shut_out is shut_out
        clock.now += LOOK_SECONDS


def test_what_has_changed_is_seen_in_time_and_said_once(
    watch: Scripted, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    watch.check()
    watch.finds = Unreadable("x")
    watch.check()
    assert not watch.is_shut_out, "it is not time yet"
    for finds, shut_out in ((Unreadable("x"), True), (Unreadable("x"), True), (None, False), (None, False)):
        watch.finds = finds
        clock.now += LOOK_SECONDS
        watch.check()
        assert watch.is_shut_out is shut_out
    assert caplog.messages == ["x; that is that", "it is well again"]


def test_a_look_that_nobody_answered_is_made_again_at_once(watch: Scripted) -> None:
    watch.finds = StoreUnavailable()
    watch.check()
    watch.finds = Unreadable("x")
    watch.check()
    assert watch.is_shut_out
    watch.check()
    assert watch.looks == 2, "that was seen"


def test_who_has_ended_looks_no_more(watch: Scripted, clock: Clock) -> None:
    watch.finds = StoreUnavailable()
    watch.end()
    clock.now += LOOK_SECONDS
    watch.check()
    assert (watch.left, watch.looks) == (1, 0)


def test_who_ends_amid_a_look_looks_no_more(watch: Scripted, clock: Clock) -> None:
    watch.meanwhile = watch.end
    watch.check()
    clock.now += LOOK_SECONDS
    watch.check()
    assert watch.looks == 1
