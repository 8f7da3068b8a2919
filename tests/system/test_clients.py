"""The main job: an OpenAI client asks, a Kimi account answers, through a token that the refresher fetched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from openai import AsyncOpenAI, OpenAI

from tests.system.stack import KEY, Stack

MODELS = {"kimi": "kimi", "kimi-classic": "kimi-k1.5", "moonshot": "kimi-k2.7-code"}
"""A model that accounts of one kind only can serve."""
QUESTION = "你好，世界 – grüß dich 👩‍🚀"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]

by_kind = pytest.mark.parametrize("model", [pytest.param(model, id=kind) for kind, model in MODELS.items()])


@pytest.fixture(scope="module")
def answer(stack: Stack) -> str:
    """What the simulator says to the question."""
    template: str = stack.simulator.state()["settings"]["answer"]
    return template.replace("{prompt}", QUESTION)


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    with stack.client() as client:
        yield client


@by_kind
def test_openai_python_whole(client: OpenAI, model: str, answer: str) -> None:
    completion = client.chat.completions.create(model=model, messages=MESSAGES)
    (choice,) = completion.choices
    assert choice.message.content == answer
    assert (choice.message.role, choice.finish_reason, completion.model) == ("assistant", "stop", model)
    assert completion.usage is not None
    assert completion.usage.prompt_tokens > 5
    assert completion.usage.completion_tokens > 20
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


@by_kind
def test_openai_python_streaming(client: OpenAI, model: str, answer: str) -> None:
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == answer
    assert [chunk.choices[0].delta.role for chunk in chunks if chunk.choices and chunk.choices[0].delta.role] == [
        "assistant"
    ]
    assert chunks[-1].choices == [] and chunks[-1].usage is not None and chunks[-1].usage.total_tokens > 0
    assert chunks[-2].choices[0].finish_reason == "stop"


@by_kind
def test_openai_python_asynchronous(stack: Stack, model: str, answer: str) -> None:
    async def ask() -> tuple[str, str]:
        async with AsyncOpenAI(base_url=f"{stack.url}/v1", api_key=KEY, max_retries=0) as client:
            whole = await client.chat.completions.create(model=model, messages=MESSAGES)
            stream: Any = await client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return whole.choices[0].message.content or "", "".join(pieces)

    assert asyncio.run(ask()) == (answer, answer)


@by_kind
def test_a_bare_reader_of_events(stack: Stack, model: str, answer: str) -> None:
    response = stack.chat(QUESTION, model=model, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = b"".join(response.iter_content(None)).decode("utf-8").split("\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert all(line == "" or line.startswith(("data: ", ":")) for line in lines)
    assert data[-1] == "[DONE]" and data.count("[DONE]") == 1
    chunks = [json.loads(line) for line in data[:-1]]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == answer
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop" and chunks[-1]["usage"]["completion_tokens"] > 20


@pytest.mark.parametrize("model", ["kimi-thinking", "kimi-k1.5-thinking", "kimi-k3"])
def test_thinking_comes_apart_from_the_answer(stack: Stack, model: str, answer: str) -> None:
    message = stack.chat(QUESTION, model=model).json()["choices"][0]["message"]
    assert message["content"] == answer
    assert model == "kimi-k3" or "simulated thinking" in message["reasoning_content"]


def test_several_turns_reach_every_dialect(stack: Stack) -> None:
    messages = [
        {"role": "system", "content": "Answer in French."},
        {"role": "user", "content": "first question"},
        {"role": "assistant", "content": "first answer"},
        {"role": "user", "content": "second question"},
    ]
    for kind, model in MODELS.items():
        body = {"model": model, "messages": messages}
        response = requests.post(f"{stack.url}/v1/chat/completions", json=body, headers={"x-api-key": KEY}, timeout=30)
        assert response.status_code == 200, response.text
        seen = [
            note
            for note in stack.simulator.control("GET", "requests?endpoint=chat")
            if note["account"].startswith(kind.replace("-", "_"))
        ]
        text = json.dumps(seen[-1], ensure_ascii=False)
        for message in messages:
            assert message["content"] in text, kind


def test_a_long_answer_arrives_whole(stack: Stack, client: OpenAI) -> None:
    long = "长文 long text 🧪 " * 20_000
    stack.simulator.fault("answer", text=long, events=37)
    stream: Any = client.chat.completions.create(model="kimi", messages=MESSAGES, stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert "".join(pieces) == long
    assert max(len(piece.encode()) for piece in pieces) <= 16 * 1024


def test_a_chunked_request_without_a_length_is_read(stack: Stack, answer: str) -> None:
    """one-api sends its bodies like this."""
    body = json.dumps({"model": "kimi", "messages": MESSAGES}).encode()
    response = requests.post(
        f"{stack.url}/v1/chat/completions",
        data=iter([body[:10], body[10:]]),
        headers={"Authorization": f"Bearer {KEY}", "content-type": "application/json"},
        timeout=30,
    )
    assert response.json()["choices"][0]["message"]["content"] == answer


def test_the_models_are_those_of_the_accounts(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert {"kimi", "kimi-thinking", "kimi-search", "kimi-k1.5", "kimi-k2.7-code"} <= set(names)
    assert client.models.retrieve("kimi").id == "kimi"


def test_no_request_left_its_text_or_a_token_in_the_logs(stack: Stack) -> None:
    stack.chat("a very private sentence")
    for process in (stack.gateway, stack.refresher):
        assert "private sentence" not in process.said
        assert "eyJ" not in process.said
        assert KEY not in process.said
