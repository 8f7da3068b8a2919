"""Answers that end before their upstream would have ended them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.turn import Turn
from kimi.accounts import Account, Kind
from kimi.chat import Chat, Limits
from kimi.errors import Unreachable
from kimi.events import Answering, ChatOpened, Event, Finish, Source, Sources, Text, Thinking
from tests.gateway.houses import CHAT, House, read, texts
from tests.gateway.scripted import Step, hang, wait_until
from tests.kimi.pool.pools import web

BEGIN: tuple[Step, ...] = (ChatOpened("c1"), Answering("s1"))
WAITS = 60.0  # the upstream is silent for so long, and would go on then
STOP, LENGTH = Limits(stop=("END",)), Limits(tokens=2)


def limited(limits: Limits) -> Chat:
    return replace(CHAT, limits=limits)


@pytest.mark.parametrize(
    ("limits", "script", "last"),
    [
        (
            STOP,
            (Text("one EN"), Text("D two"), WAITS, Text("never")),
            (Text("one "), Finish("stop", cut=True, stop="END")),
        ),
        (LENGTH, (Text("one"), Text(" two three"), WAITS), (Text("one"), Text(" two"), Finish("length", cut=True))),
        (LENGTH, (Thinking("one two three"), WAITS), (Thinking("one two"), Finish("length", cut=True))),
    ],
)
@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_a_limit_stops_the_upstream_at_once_and_everything_is_given_back(
    house: House, kind: Kind, limits: Limits, script: tuple[Step, ...], last: tuple[Event, ...]
) -> None:
    house.pool.fill(Account(name="a", kind=kind))
    house.upstream.scripts = [(*BEGIN, *script, Finish("stop"))]
    events = read(house.start(chat=limited(limits)))
    assert house.upstream.running == 0, "closed before the client hears of the end, though it is silent"
    assert tuple(events) == last
    house.settle()
    assert house.upstream.cancelled == [("c1", "s1", "access-a-2")]
    assert house.upstream.deleted == [("c1", "access-a-2")]
    assert house.upstream.closed == 1


def test_a_client_that_does_not_read_keeps_no_account_busy_beyond_the_limit(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(*BEGIN, (Text("word "), Text("tail END")), WAITS, Finish("stop"))]
    completion = house.start(chat=limited(STOP))
    wait_until(lambda: house.upstream.closed == 1 and house.pool.count("a") == 0)
    assert texts(read(completion)) == "word tail "


def test_the_client_hears_of_the_end_before_the_upstream_was_told(house: House) -> None:
    house.pool.fill(Account(name="a", kind=Kind.CLASSIC))
    house.upstream.scripts = [(*BEGIN, Text("one END"), WAITS)]
    house.upstream.on_cancel = hang
    assert read(house.start(chat=limited(STOP), turn=Turn(scope="one")))[-1] == Finish("stop", cut=True, stop="END")
    assert not house.reactions.join(0), "the account is given back while the client goes on"
    house.settle()


def test_an_answer_that_its_limit_has_ended_counts_as_served(house: House) -> None:
    house.pool.fill(web("bad", priority=1), web("good"))
    cut: tuple[Step, ...] = (*BEGIN, Text("one END"), WAITS)
    house.upstream.by_account = {"bad": [(Unreachable("refused"),)], "good": [cut]}
    for _ in range(4):
        assert texts(read(house.start(chat=limited(STOP)))) == "one "
        house.settle()
    # An account that is failed while others are served is a stray, and left alone.
    assert [name for name, _, _ in house.upstream.asked] == ["bad", "good"] * 3 + ["good"]


def test_an_answer_within_its_limits_is_left_alone(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(*BEGIN, Text("one"), Text(" two"), Finish("stop"))]
    events = read(house.start(chat=limited(Limits(2, ("END",)))))
    assert (texts(events), events[-1]) == ("one two", Finish("stop"))
    house.settle()
    assert house.upstream.cancelled == []


def test_an_official_key_gets_the_limits_and_keeps_them_by_itself(house: House) -> None:
    house.pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=("kimi-official",))
    found: tuple[Event, ...] = (Sources((Source("1", "https://moon.example/"),)), Text("one END[^1^]"), Finish("stop"))
    house.upstream.scripts = [found]
    assert texts(read(house.start("kimi-official", chat=limited(STOP)))) == "one END[^1^]"
