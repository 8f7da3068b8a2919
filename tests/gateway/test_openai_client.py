"""What openai-python makes of sources and limits, over a scripted pool."""

from __future__ import annotations

import httpx2
import openai
import pytest
from openai.types.chat.chat_completion_message import ChatCompletionMessage

from kimi.chat import Limits
from kimi.events import Annotation, Event, Finish, Text, Thinking
from tests.gateway.fakes import KEY, House

MANY = [Annotation(n, n + 1, f"https://moon.example/{n}/" + "月" * 4_000, "moon") for n in range(20)]
FEW = [Annotation(4, 8, "https://moon.example/", "The moon"), Annotation(8, 8, "https://tides.example/", "潮汐")]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def client(house: House) -> openai.OpenAI:
    transport = httpx2.WSGITransport(app=house.app)
    return openai.OpenAI(base_url="http://gateway/v1", api_key=KEY, http_client=httpx2.Client(transport=transport))


def places(message: ChatCompletionMessage) -> list[tuple[int, int, str, str]]:
    """The annotations of a message as they were told."""
    found = [entry.url_citation for entry in message.annotations or []]
    return [(entry.start_index, entry.end_index, entry.url, entry.title) for entry in found]


@pytest.mark.parametrize("notes", [FEW, MANY], ids=["few", "many"])
def test_sources_reach_openai_python_in_both_forms(
    house: House, client: openai.OpenAI, notes: list[Annotation]
) -> None:
    script: list[Event] = [Thinking("Hm."), Text("The "), Text("moon"), *notes, Finish("stop")]
    house.pool.will(*script)
    whole = client.chat.completions.create(model="kimi", messages=[{"role": "user", "content": "hi"}]).choices[0]
    house.pool.will(*script)
    with client.chat.completions.stream(model="kimi", messages=[{"role": "user", "content": "hi"}]) as stream:
        streamed = stream.get_final_completion().choices[0]
    for choice in (whole, streamed):
        assert (choice.message.content, choice.finish_reason) == ("The moon", "stop")
        assert places(choice.message) == [(note.start, note.end, note.url, note.title) for note in notes]
        assert (choice.message.model_extra or {})["reasoning_content"] == "Hm."


def test_limits_reach_the_question(house: House, client: openai.OpenAI) -> None:
    house.pool.will(Finish("length"))
    client.chat.completions.create(
        model="kimi", messages=[{"role": "user", "content": "hi"}], max_completion_tokens=7, stop=["END"]
    )
    asked = house.pool.started[-1][1]
    assert (asked.limits, asked.continuations) == (Limits(7, ("END",)), 3)
