"""OpenAI's former completions, through a running gateway."""

from __future__ import annotations

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from tests.features.asking import answers, asked
from tests.features.kinds import OFFICIAL_MODEL
from tests.system.stack import KEY, Stack


def client(house: Stack) -> OpenAI:
    return OpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0, timeout=60)


def test_a_prompt_is_answered_whole_and_streamed(house: Stack) -> None:
    answers(house, "Hello, {prompt}!", times=2)
    with client(house) as asking:
        whole = asking.completions.create(model="kimi", prompt="Ada")
        assert (whole.choices[0].text, whole.choices[0].finish_reason) == ("Hello, Ada!", "stop")
        assert whole.usage is not None and whole.usage.prompt_tokens > 0 and whole.usage.completion_tokens > 0
        told = list(asking.completions.create(model="kimi", prompt="Ada", stream=True))
    assert "".join(chunk.choices[0].text for chunk in told if chunk.choices) == "Hello, Ada!"
    assert told[-1].choices[0].finish_reason == "stop"


def test_the_platform_is_asked_for_a_chat(connect: Stack) -> None:
    answers(connect, "Hello!")
    with client(connect) as asking:
        assert asking.completions.create(model=OFFICIAL_MODEL, prompt="hi").choices[0].text == "Hello!"
    assert asked(connect)["body"]["messages"] == [{"role": "user", "content": "hi"}]


def test_what_it_cannot_do_is_said(house: Stack) -> None:
    with client(house) as asking:
        with pytest.raises(BadRequestError) as refused:
            asking.completions.create(model="kimi", prompt=[1, 2, 3])
        assert refused.value.param == "prompt"
        with pytest.raises(NotFoundError) as absent:
            asking.embeddings.create(model="kimi", input="hi")
        assert "no embeddings here" in absent.value.message
