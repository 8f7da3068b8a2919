from __future__ import annotations

from dataclasses import replace

import httpx2
import openai
import pytest
from structlog.testing import capture_logs

from kimi.chat import Feature, Form, Message
from kimi.errors import AllBusy, Unreachable
from kimi.events import Finish, Text, Thinking, Usage
from tests.gateway.fakes import AUTHORIZED, EVERYTHING, KEY, House, answer

URL = "/v1/completions"
HI = {"model": "kimi", "prompt": "hi"}


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def client(house: House) -> openai.OpenAI:
    transport = httpx2.WSGITransport(app=house.app)
    return openai.OpenAI(base_url="http://gateway/v1", api_key=KEY, http_client=httpx2.Client(transport=transport))


def test_openai_python_gets_a_whole_answer(house: House, client: openai.OpenAI) -> None:
    house.pool.will(Thinking("hm"), Text("Hel"), Text("lo"), Finish("stop", Usage(1, 2)))
    completion = client.completions.create(model="kimi-search", prompt="hi", max_tokens=7)
    assert (completion.id, completion.object) == ("cmpl-abc123", "text_completion")
    assert (completion.choices[0].text, completion.choices[0].finish_reason) == ("Hello", "stop")
    assert completion.usage is not None and completion.usage.total_tokens == 3
    _, chat, _ = house.pool.started[0]
    assert chat.messages == (Message("user", "hi"),)
    assert chat.features == {Feature.SEARCH} and chat.limits.tokens == 7
    assert house.pool.last.closed == 1


def test_openai_python_gets_a_stream(house: House, client: openai.OpenAI) -> None:
    house.pool.will(Thinking("hm"), Text("Hel"), Text("lo"), Finish("length"))
    told = list(client.completions.create(model="kimi", prompt=["hi"], stream=True))
    assert "".join(chunk.choices[0].text for chunk in told) == "Hello"
    assert told[-1].choices[0].finish_reason == "length"
    assert told[-1].usage is not None and told[-1].usage.completion_tokens > 0


def test_the_official_platform_gets_it_as_a_chat(house: House) -> None:
    house.pool.will(*answer("x"))
    asked = {**HI, "temperature": 0.5, "response_format": {"type": "json_object"}}
    house.client.post(URL, json=asked, headers=AUTHORIZED)
    _, chat, _ = house.pool.started[0]
    assert chat.body["messages"] == [{"role": "user", "content": "hi"}]
    assert chat.body["temperature"] == 0.5 and "prompt" not in chat.body
    assert chat.form == Form()


@pytest.mark.parametrize("path", ["/completions", "/v1/v1/completions", "/v1/completions/", "/v1//completions"])
def test_other_spellings_of_the_path(house: House, path: str) -> None:
    house.pool.will(*answer("x"))
    assert house.client.post(path, json=HI, headers=AUTHORIZED).get_json()["object"] == "text_completion"


def test_failures(house: House) -> None:
    assert house.client.post(URL, json=HI).status_code == 401
    assert house.client.post(URL, data=b"{", headers=AUTHORIZED).get_json()["error"]["code"] == "invalid_json"
    response = house.client.post(URL, json={**HI, "prompt": [1, 2]}, headers=AUTHORIZED)
    assert (response.status_code, response.get_json()["error"]["param"]) == (400, "prompt")
    assert house.client.post(URL, json={**HI, "model": "gpt-4"}, headers=AUTHORIZED).status_code == 404
    assert house.pool.started == []
    for stream in (False, True):
        house.pool.will(AllBusy())
        assert house.client.post(URL, json={**HI, "stream": stream}, headers=AUTHORIZED).status_code == 429
    house.pool.will(Text("a"), Unreachable())
    response = house.client.post(URL, json={**HI, "stream": True}, headers=AUTHORIZED)
    assert b'"code":"upstream_error"' in response.data and response.data.endswith(b"data: [DONE]\n\n")


def test_a_prompt_that_is_too_long_is_told_by_its_name(house: House) -> None:
    house.pool.known = replace(EVERYTHING, routes=frozenset({"kimi-classic"}))
    response = house.client.post(URL, json={**HI, "prompt": "x" * 200_001}, headers=AUTHORIZED)
    error = response.get_json()["error"]
    assert (error["code"], error["param"]) == ("context_length_exceeded", "prompt")


def test_a_line_in_the_log(house: House) -> None:
    house.pool.will(*answer("x"))
    with capture_logs() as logs:
        house.client.post(URL, json=HI, headers=AUTHORIZED)
    assert [(line["route"], line["model"], line["stream"], line["outcome"]) for line in logs] == [
        (URL, "kimi", False, "ok")
    ]
