"""Answers of the three dialects, as the simulator gives them."""

from __future__ import annotations

from typing import Any

import pytest

from devtools.waiting import until
from kimi.accounts import Kind
from kimi.chat import Chat, Feature, Message
from kimi.errors import (
    AccountBusy,
)
from kimi.events import Answering, ChatOpened, Finish, Usage
from kimi.upstreams import Cancels
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build
from tests.kimi.dialects.bench import ANSWER, KINDS, WEB, Bench
from tests.kimi.replay import step, text_of, thinking_of


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_is_answered_and_nothing_is_left_behind(bench: Bench) -> None:
    bench.simulator.fault("answer", text=ANSWER, thinking="Hm，嗯 🤔")

    events = bench.stream(features=frozenset({Feature.THINKING}))

    assert text_of(events) == ANSWER
    assert thinking_of(events) == "Hm，嗯 🤔"
    finish = events[-1]
    assert isinstance(finish, Finish)
    assert finish.reason == "stop"
    assert isinstance(finish.usage, Usage) == (bench.account.kind is Kind.MOONSHOT)
    assert sum(isinstance(event, ChatOpened) for event in events) == bench.account.kind.is_web
    assert bench.chats() == 0


@pytest.mark.parametrize("kind", WEB)
def test_search_answers_too(bench: Bench) -> None:
    bench.simulator.fault("answer", text="The moon.", thinking="", marks=False)

    assert text_of(bench.stream(features=frozenset({Feature.SEARCH}))) == "The moon."


@pytest.mark.parametrize("kind", WEB)
def test_a_history_of_several_turns_is_understood(bench: Bench) -> None:
    bench.simulator.fault("answer", text="You said: {prompt}", thinking="")
    turns = (Message("system", "s"), Message("user", "a"), Message("assistant", "b"), Message("user", "and c?"))

    assert text_of(bench.stream(messages=turns)) == "You said: and c?"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("what", "args"),
    [("unknown", {}), ("gzip", {}), ("degrade", {}), ("stall", {"seconds": 0.2}), ("slow", {"seconds": 0.2})],
)
def test_oddities_do_no_harm(bench: Bench, what: str, args: dict[str, Any]) -> None:
    bench.simulator.settings(answer=ANSWER)
    bench.simulator.fault(what, match={"endpoint": "chat"}, **args)

    assert text_of(bench.stream()) == ANSWER


@pytest.mark.parametrize("kind", [Kind.CLASSIC, Kind.MOONSHOT])
def test_the_output_limit_is_told(bench: Bench) -> None:
    bench.simulator.fault("length", texts=2, match={"endpoint": "chat"})

    finish = bench.stream()[-1]

    assert isinstance(finish, Finish)
    assert finish.reason == "length"


@pytest.mark.parametrize("kind", WEB)
def test_leaving_early_frees_the_account(bench: Bench) -> None:
    bench.simulator.fault("hang", texts=2, match={"endpoint": "chat"})
    upstream = build(Line(bench.transport, bench.endpoints))[bench.account.kind]
    stream = upstream.stream(Chat(model="kimi", messages=(Message("user", "x"),)), bench.account, bench.token)
    while not text_of(step(stream)):
        pass
    stream.close()

    def answered() -> bool:
        try:
            return bench.stream()[-1] == Finish("stop")
        except AccountBusy:
            return False

    assert until(answered, what="the account is free again")


@pytest.mark.parametrize("kind", [Kind.CLASSIC])
def test_an_answer_that_is_cancelled_frees_an_account_that_would_stay_busy(bench: Bench) -> None:
    bench.simulator.settings(linger_seconds=60)
    bench.simulator.fault("hang", texts=2, match={"endpoint": "chat"})
    upstream = build(Line(bench.transport, bench.endpoints))[bench.account.kind]
    stream = upstream.stream(Chat(model="kimi", messages=(Message("user", "x"),)), bench.account, bench.token)
    told = (event for batch in stream for event in batch or ())
    opened, begun = next(told), next(event for event in told if isinstance(event, Answering))
    stream.close()
    until(lambda: bench.simulator.account("alice")["closed_by_peer"] == 1, what="the stream is closed")
    with pytest.raises(AccountBusy):
        bench.stream()

    assert isinstance(opened, ChatOpened) and isinstance(upstream, Cancels)
    upstream.cancel(opened.chat_id, begun.segment_id, bench.account, bench.token)

    assert bench.stream()[-1] == Finish("stop")
