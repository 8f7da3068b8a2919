"""Long work that lets others have their turn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import count

import gevent
import pytest

from gateway.breathing import OnceATurn, Turns, breathe, unhurried
from gateway.surfaces.chat_request import understand
from gateway.surfaces.json_body import json_object
from gateway.surfaces.messages.request import as_chat as of_messages
from gateway.surfaces.responses.request import as_chat as of_response
from tests.gateway.fakes import Clock

MANY = 5_000
MESSAGES = [{"role": "user", "content": "hi"}] * MANY


@pytest.mark.parametrize("items", [0, 1, 999, 1_000, 1_001, 2_500])
def test_nothing_is_left_out(items: int) -> None:
    assert list(unhurried(range(items))) == list(range(items))


@pytest.mark.parametrize(
    "work",
    [
        lambda: understand({"model": "kimi", "messages": MESSAGES}),
        lambda: of_response({"model": "kimi", "input": MESSAGES}),
        lambda: of_messages({"model": "kimi", "max_tokens": 9, "messages": MESSAGES}),
        lambda: json_object(b'{"x": "%b"}' % (rb"\\" * 500_000 + rb"\ud83d")),
        lambda: json_object(b'{"x": "%b"}' % (rb"\n," * 3_000_000)),
    ],
    ids=["chat completions", "responses", "messages", "half an emoji", "a text that holds what looks like values"],
)
def test_others_have_their_turn_while_a_large_body_is_understood(work: Callable[[], object]) -> None:
    turns: list[bool] = []
    with closing(gevent.get_hub().loop.timer(0.0001, 0.0001)) as other:
        other.start(lambda: turns.append(True))
        work()
    assert len(turns) > 1


def test_others_have_their_turn_when_work_has_gone_on_for_long_and_not_before() -> None:
    clock = Clock(0.0)
    turns = Turns(0.01, clock)
    loop = gevent.get_hub().loop

    def has_rested() -> bool:
        before = loop.iteration
        turns.rest_if_due()
        return bool(loop.iteration > before)

    clock.now = 0.01
    assert not has_rested()
    clock.now = 0.02
    assert [has_rested(), has_rested()] == [True, False], "it begins anew then"


def test_what_many_want_at_once_is_made_once() -> None:
    made = count()
    once = OnceATurn(lambda: next(made))
    wanting = [gevent.spawn(once.get) for _ in range(5)]
    gevent.joinall(wanting)
    assert {each.get() for each in wanting} == {0}
    for number in (1, 2):
        breathe()
        assert once.get() == once.get() == number
