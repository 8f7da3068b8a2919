"""What is never cut in half by a client who leaves in the middle."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from gateway.errors import ClientGone
from gateway.shield import Shieldable, Shielded
from kimi.errors import AllBusy
from tests.gateway.scripted import wait_until


class Call:
    """Takes until it may end, and notes what comes of it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.may_end = Flag()
        self.events: list[str] = []

    def __call__(self) -> str:
        self.events.append("begun")
        self.may_end.wait()
        if self.error is not None:
            raise self.error
        self.events.append("ended")
        return "result"

    def shielded(self) -> str:
        orphaned, refused = (lambda result: self.events.append(f"{result} unused")), lambda: self.events.append("none")
        shield: Shielded[str] = Shielded(self, orphaned, refused)
        return shield.result()


def begin(call: Call) -> Any:
    caller = Shieldable.spawn(call.shielded)
    wait_until(lambda: call.events == ["begun"])
    return caller


def test_undisturbed_it_is_a_call_like_any_other() -> None:
    call = Call()
    call.may_end.set()
    assert call.shielded() == "result", "also in a greenlet that nobody kills"
    assert Shieldable.spawn(call.shielded).get(timeout=5) == "result"
    assert call.events == ["begun", "ended"] * 2
    call.error = AllBusy("busy")
    with pytest.raises(AllBusy):
        call.shielded()


def test_it_runs_to_its_end_when_its_caller_is_killed_and_its_result_is_not_lost() -> None:
    call = Call()
    caller = begin(call)
    for _ in range(2):
        caller.kill(block=False)
        gevent.idle()
    assert not caller.dead
    call.may_end.set()
    caller.join(5)
    assert isinstance(caller.value, gevent.GreenletExit)
    assert call.events == ["begun", "ended", "result unused"]


def test_where_there_is_no_result_that_is_told() -> None:
    call = Call(AllBusy("busy"))
    caller = begin(call)
    caller.kill(block=False)
    gevent.idle()
    call.may_end.set()
    caller.join(5)
    assert isinstance(caller.value, gevent.GreenletExit)
    assert call.events == ["begun", "none"]


@pytest.mark.parametrize("error", [gevent.GreenletExit(), ClientGone()], ids=["killed", "gone"])
def test_within_another_it_ends_with_the_outer_one(error: BaseException) -> None:
    steps: list[str] = []
    go_on = Flag()

    def work() -> None:
        with caller.shielded():
            with caller.shielded():
                go_on.wait()
            steps.append("inner")
        steps.append("outer")

    caller: Any = Shieldable.spawn(work)
    gevent.idle()
    gevent.get_hub().loop.run_callback(caller.throw, error)
    gevent.idle()
    assert not caller.dead
    go_on.set()
    caller.join(5)
    assert steps == ["inner"]
    assert error in (caller.value, caller.exception)


def test_outside_of_it_a_greenlet_is_killed_at_once() -> None:
    idle: Any = Shieldable.spawn(gevent.sleep, 60)
    gevent.idle()
    idle.kill()
    assert idle.dead


def test_what_it_waits_for_can_time_out() -> None:
    def work() -> str:
        with caller.shielded(), gevent.Timeout(0.01, False):
            Flag().wait()
        return "in time"

    caller: Any = Shieldable.spawn(work)
    assert caller.get(timeout=5) == "in time"
