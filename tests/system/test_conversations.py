"""Conversations go on in the chats that they were begun in, whichever process the next question comes to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import pytest

from tests.system.stack import Gateway, Stack

MODELS = ("kimi-k2.6", "kimi-k1")
"""One that accounts of the newer kind alone have, and one of the classic kind."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two gateways, and two accounts of either kind of the web."""
    stack = Stack(tmp_path_factory.mktemp("talks"), workers=1, env={"KIMI_CONVERSATION_SECONDS": "600"})
    stack.gateways.append(stack.another_gateway("other"))
    stack.start(kimi=2, kimi_classic=2)
    yield stack
    stack.stop()


class Talk:
    """A client that sends its whole history, each question to another gateway."""

    def __init__(self, home: Stack, model: str) -> None:
        self._home = home
        self._model = model
        self._gateways = cycle(home.gateways)
        self.messages: list[dict[str, str]] = []

    def say(self, text: str, gateway: Gateway | None = None) -> str:
        self.messages.append({"role": "user", "content": text})
        url = (gateway or next(self._gateways)).url
        response = self._home.chat(model=self._model, url=url, messages=self.messages)
        assert response.ok, response.text
        answer = str(response.json()["choices"][0]["message"]["content"])
        self.messages.append({"role": "assistant", "content": answer})
        return answer


def prompts(home: Stack, last: int) -> list[str]:
    """What the upstream was asked lately."""
    notes: list[dict[str, Any]] = home.simulator.control("GET", f"requests?endpoint=chat&last={last}")
    return [note["prompt"] for note in notes]


@pytest.mark.parametrize("model", MODELS)
def test_the_upstream_reads_nothing_twice(home: Stack, model: str) -> None:
    talk, made = Talk(home, model), home.simulator.total("chats_created")
    questions = [f"question {number}" for number in range(5)]
    for question in questions:
        talk.say(question)
    assert prompts(home, 5) == questions
    assert home.simulator.total("chats_created") == made + 1
    for gateway in home.gateways:
        figures = gateway.metrics()
        assert 'kimi_gateway_conversations_total{fate="continued"}' in figures


@pytest.mark.parametrize("model", MODELS)
def test_of_two_that_go_on_at_once_one_gets_the_chat_and_both_an_answer(home: Stack, model: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        for number in range(4):
            talk = Talk(home, model)
            talk.say(f"begin {number}")
            twins = [Talk(home, model) for _ in home.gateways]
            for twin in twins:
                twin.messages = list(talk.messages)
            list(pool.map(lambda twin, gateway: twin.say("go on", gateway), twins, home.gateways))
            native, folded = sorted(prompts(home, 2), key=len)
            assert native == "go on"
            assert f"begin {number}" in folded


def test_a_gateway_that_ends_takes_the_chats_of_first_questions_along(home: Stack) -> None:
    other = home.gateways[1]
    Talk(home, MODELS[0]).say("the only question", other)
    assert home.simulator.total("chats_alive") == 1
    assert other.stop() == 0
    assert home.simulator.total("chats_alive") == 0
    other.start()
    other.wait_ready()
