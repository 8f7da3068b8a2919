from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import gevent
import pytest

from gateway.client_limits import Place
from gateway.drain import Drain
from gateway.errors import ClientGone, Draining
from gateway.journal import Entry
from gateway.run import TICK, Run
from kimi.errors import CallsUnfit, FormUnfit, KimiError, NoAccount, Unreachable
from kimi.events import Answering, ChatOpened, Finish, Text, Usage
from tests.gateway.fakes import Client, Clock, Fetching, Leased, ScriptedCompletion, Silence, Step
from tests.gateway.scripted import hang

FINISH = Finish("stop")
BEGUN = Answering("s")  # nothing for the reader


class Counted:
    usage = Usage(3, 4)


class Scene:
    def __init__(self, *script: Step, account: str | None = "alice") -> None:
        self.clock = Clock()
        self.client = Client()
        self.drain = Drain(30, self.clock)
        self.completion = ScriptedCompletion(list(script), self.clock, account=account)
        self.entry = Entry(request_id="r", method="POST", route="/", started=self.clock())
        self.run = Run(self.completion, self.entry, peer=self.client, drain=self.drain, monotonic=self.clock)


def test_that_there_is_an_account_is_told_once() -> None:
    told: list[str | None] = []
    clock = Clock()
    completion = ScriptedCompletion([Silence(1), Leased(), Text("a"), FINISH], clock, account=None)
    entry = Entry(request_id="r", method="POST", route="/", started=clock())
    leased = partial(told.append, "leased")
    run = Run(completion, entry, peer=Client(), drain=Drain(30, clock), monotonic=clock, leased=leased)
    run.pull()
    assert told == []
    while not run.finished:
        run.pull()
    assert told == ["leased"]


def test_what_is_there_comes_at_once() -> None:
    scene = Scene([Text("a"), Text("b")], FINISH)
    assert scene.run.pull(10) == [Text("a"), Text("b")]
    so_far = scene.run.finished
    assert scene.run.pull(10) == [FINISH]
    assert (so_far, scene.run.finished) == (False, True)
    scene.run.close(Counted())
    assert scene.entry.events == 3


def test_silence_is_reported_in_ticks() -> None:
    scene = Scene(Silence(1.5))
    assert scene.run.pull() == []
    assert scene.run.pull(0.5) == []
    assert scene.completion.asked == [TICK, 0.5]


def test_a_client_that_leaves_interrupts_whatever_its_reader_does() -> None:
    scenes: list[Scene] = []

    def read() -> None:
        scenes.append(Scene(Text("a")))
        hang()

    reader = gevent.spawn(read)
    gevent.idle()
    gevent.get_hub().loop.run_callback(scenes[0].client.leave)
    reader.join(5)
    assert isinstance(reader.exception, ClientGone)


def test_the_client_is_watched_until_everything_is_given_back() -> None:
    scene = Scene(Text("a"))
    watched = scene.client.watched
    scene.run.close(Counted())
    assert (watched, scene.client.watched) == (1, 0)


def test_when_the_process_has_no_more_time_nothing_is_pulled() -> None:
    scene = Scene(Text("a"), Text("b"))
    scene.drain.begin()
    assert scene.run.pull(10) == [Text("a")]
    scene.clock.advance(30)
    with pytest.raises(Draining):
        scene.run.pull(10)


def test_the_first_piece_of_the_answer_is_waited_for() -> None:
    scene = Scene(Silence(3), ChatOpened("c"), BEGUN, Silence(2), [BEGUN, Text("a")], Text("b"))
    assert scene.run.first(15) == [ChatOpened("c"), BEGUN, BEGUN, Text("a")]
    assert scene.entry.first_event_seconds == 5


def test_a_silent_account_is_waited_for_so_long() -> None:
    scene = Scene(Silence(14), BEGUN, Silence(99))
    assert scene.run.first(15) == [BEGUN]
    assert 15 <= scene.clock() - scene.entry.started <= 16
    assert scene.entry.first_event_seconds is None


def test_waiting_for_an_account_is_not_its_silence() -> None:
    scene = Scene(Silence(40), Leased(), Silence(99), account=None)
    scene.run.first(15)
    assert scene.clock() - scene.entry.started == 55


def test_fetching_files_is_silence_and_the_wait_for_an_account_behind_it_is_not() -> None:
    scene = Scene(Fetching(10), Silence(40), Leased(), Silence(99), account=None)
    scene.run.first(15)
    assert scene.clock() - scene.entry.started == 55
    assert not scene.completion.is_fetching


def test_a_failure_before_the_first_piece_is_raised() -> None:
    scene = Scene(BEGUN, Unreachable())
    with pytest.raises(Unreachable):
        scene.run.first(15)


def test_closing_gives_back_and_notes_who_answered() -> None:
    scene = Scene(Text("a"))
    scene.completion.failovers.append("Overloaded")
    scene.run.first(15)
    scene.run.close(Counted())
    assert scene.completion.closed == 1
    entry = scene.entry
    assert (entry.account, entry.kind, entry.attempts, entry.queue_seconds) == ("alice", "kimi", 1, 0.5)
    assert (entry.failovers, entry.usage) == (("Overloaded",), Usage(3, 4))


def test_nothing_is_counted_where_nobody_was_asked() -> None:
    scene = Scene()
    scene.completion.attempts = 0
    scene.run.close(Counted())
    assert scene.entry.usage is None


@pytest.mark.parametrize(("failed", "counted"), [(0, True), (1, False)])
def test_who_leaves_before_the_first_piece_has_asked_an_account(failed: int, *, counted: bool) -> None:
    scene = Scene(Silence(5))
    scene.completion.failovers += ["Overloaded"] * failed  # and is waiting for the next one
    scene.run.pull()
    scene.run.close(Counted())
    assert (scene.entry.usage is not None) is counted


@pytest.mark.parametrize(
    ("error", "counted"),
    [(FormUnfit("$"), True), (CallsUnfit("$"), True), (Unreachable(), False), (NoAccount(), False)],
)
def test_an_answer_in_another_form_was_one_all_the_same(error: KimiError, *, counted: bool) -> None:
    scene = Scene(BEGUN, error)
    scene.completion.attempts = 2
    with pytest.raises(type(error)):
        scene.run.first(15)
    scene.run.close(Counted())
    assert (scene.entry.usage is not None) is counted


def test_a_process_that_ends_charges_nobody_for_it() -> None:
    scene = Scene(BEGUN)
    scene.drain.begin()
    scene.clock.advance(30)
    with pytest.raises(Draining):
        scene.run.pull()
    scene.run.close(Counted())
    assert scene.entry.usage is None


def test_the_place_is_given_back_with_what_was_taken_whatever_goes_wrong() -> None:
    @dataclass
    class Noted(Place):
        left: list[Usage | None] = field(default_factory=list)

        def leave(self, usage: Usage | None) -> None:
            self.left.append(usage)

    class Broken(ScriptedCompletion):
        def close(self) -> None:
            raise ZeroDivisionError

    place, scene = Noted(), Scene(Text("a"))
    Run(scene.completion, scene.entry, peer=scene.client, drain=scene.drain, monotonic=scene.clock, place=place).close(
        Counted()
    )
    begun = Run(scene.completion, scene.entry, peer=scene.client, drain=scene.drain, monotonic=scene.clock, place=place)
    begun.pull()
    begun.close(Counted())
    broken = Broken([], scene.clock)
    with pytest.raises(ZeroDivisionError):
        Run(broken, Scene().entry, peer=scene.client, drain=scene.drain, monotonic=scene.clock, place=place).close(
            Counted()
        )
    assert place.left == [Usage(3, 4), Usage(3, 4), None]
