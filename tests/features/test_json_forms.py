"""Answers in JSON: told, found, checked, asked for once more, and clear failures."""

from __future__ import annotations

from typing import Any

import openai
import orjson
import pytest
import requests
from openai import APIError, APIStatusError, OpenAI
from pydantic import BaseModel

from tests.features.asking import answers, ask, asked, seen
from tests.features.kinds import streaming
from tests.system.stack import KEY, Stack

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
GOOD, BAD = '{"name": "Ada", "age": 36}', '{"name": "Ada", "age": "old"}'


def form(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}


def told(house: Stack, **note: Any) -> str:
    """All that the upstream was told with its newest question."""
    return str((note or asked(house))["body"])


@streaming
def test_json_comes_checked_and_alone(house: Stack, streamed: bool) -> None:
    answers(house, f"Sure, here it is:\n\n```json\n{GOOD}\n```\nAnything else?")
    answer = ask(house, "Who is it?", response_format=form(SCHEMA), streamed=streamed)
    assert (answer.text, answer.finish) == (GOOD, "stop")
    assert "additionalProperties" in told(house)


@streaming
def test_any_object_will_do(house: Stack, streamed: bool) -> None:
    answers(house, 'Well: {"a": [1, 2]}')
    answer = ask(house, response_format={"type": "json_object"}, streamed=streamed)
    assert answer.text == '{"a": [1, 2]}'


@streaming
def test_what_does_not_fit_is_asked_for_once_more_in_the_same_chat(house: Stack, streamed: bool) -> None:
    before = house.simulator.total("chats_created")
    answers(house, BAD)
    answers(house, f"I am sorry. {GOOD}")
    answer = ask(house, "Who?", response_format=form(SCHEMA), streamed=streamed)
    assert (answer.text, answer.finish) == (GOOD, "stop")
    assert house.simulator.total("chats_created") == before + 1
    second = asked(house)
    assert "$.age" in second["prompt"] and len(second["read"]["history"]) == 2


@streaming
def test_what_fits_not_even_then_is_a_clear_failure(house: Stack, streamed: bool) -> None:
    before = seen(house)
    answers(house, BAD, times=2)
    with pytest.raises(APIError) as failed:
        ask(house, response_format=form(SCHEMA), streamed=streamed)
    assert isinstance(failed.value, APIStatusError)
    assert (failed.value.status_code, failed.value.code) == (502, "json_form_failed")
    assert "$.age" in failed.value.message
    assert failed.value.response.headers["x-should-retry"] == "false"
    assert seen(house, last=3)[:-2] == before


def test_a_stream_only_thinks_and_shows_that_it_goes_on_until_all_of_it_fits(house: Stack) -> None:
    answers(house, f"Sure, here it is: {GOOD}", thinking="Hm", events=20, delay=0.12)
    body = {
        "model": "kimi-thinking",
        "messages": [{"role": "user", "content": "Who?"}],
        "stream": True,
        "response_format": form(SCHEMA),
    }
    url, headers = f"{house.url}/v1/chat/completions", {"Authorization": f"Bearer {KEY}"}
    with requests.post(url, json=body, headers=headers, stream=True, timeout=60) as reply:
        lines = [line for line in reply.iter_lines() if line]
    comments = [number for number, line in enumerate(lines) if line.startswith(b":")]
    (said,) = (number for number, line in enumerate(lines) if b'"content":"{' in line)
    thought = [number for number, line in enumerate(lines) if b'"reasoning_content":"' in line]
    assert thought and comments and max(thought) < min(comments) < said
    assert orjson.loads(lines[said].removeprefix(b"data: "))["choices"][0]["delta"]["content"] == GOOD


def test_a_broken_schema_is_told_with_its_place(house: Stack) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(house, model="kimi", response_format=form({"properties": {"age": {"type": "years"}}}))
    assert refused.value.code == "invalid_schema"
    assert refused.value.param == "response_format.json_schema.schema.properties.age.type"


def test_an_answer_that_is_cut_says_so(house: Stack) -> None:
    answers(house, '{"name": "Ada Lovelace, Countess of Lovelace, who wrote the first of all programs"')
    answer = ask(house, response_format=form(SCHEMA), max_tokens=8)
    assert answer.finish == "length"
    assert answer.text.startswith('{"name": "Ada')


def test_a_conversation_goes_on_behind_json(house: Stack) -> None:
    answers(house, f"Here: {GOOD}")
    question = [{"role": "user", "content": "Who was first?"}]
    first = ask(house, messages=question, response_format=form(SCHEMA))
    before = house.simulator.total("chats_created")
    answers(house, "Yes, {prompt}")
    turns = [*question, {"role": "assistant", "content": first.text}, {"role": "user", "content": "Sure?"}]
    assert ask(house, messages=turns).text == "Yes, Sure?"
    assert house.simulator.total("chats_created") == before


class Person(BaseModel):
    """What openai-python makes a schema of."""

    name: str
    age: int


def test_openai_python_parses_it_whole_and_streamed(house: Stack) -> None:
    with OpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0, timeout=60) as client:
        answers(house, f"```json\n{GOOD}\n```", times=2)
        who: Any = [{"role": "user", "content": "Who is it?"}]
        whole = client.chat.completions.parse(model="kimi", messages=who, response_format=Person)
        assert whole.choices[0].message.parsed == Person(name="Ada", age=36)
        with client.chat.completions.stream(model="kimi", messages=who, response_format=Person) as stream:
            streamed = stream.get_final_completion()
        assert streamed.choices[0].message.parsed == Person(name="Ada", age=36)
