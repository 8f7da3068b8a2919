"""`POST /v1/responses` over a scripted pool, asked with openai-python."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import openai
import pydantic
import pytest

from gateway.auth import ClientKeys
from kimi.chat import Call, Feature, Limits, Message
from kimi.errors import AllBusy, ConversationLost, RequestInvalid, Unreachable
from kimi.events import Annotation, Finish, Text, Thinking, ToolCall, Usage
from kimi.pool import Summary
from tests.gateway.fakes import AUTHORIZED, KEY, House, Silence, answer
from tests.gateway.responses.reading import told

URL = "/v1/responses"
HI: dict[str, Any] = {"model": "kimi", "input": "hi"}
LOOK: Any = {
    "type": "function",
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    "strict": False,
}


class City(pydantic.BaseModel):
    """What is asked for."""

    name: str


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def client(house: House) -> openai.OpenAI:
    transport = httpx2.WSGITransport(app=house.app)
    http = httpx2.Client(transport=transport)
    return openai.OpenAI(base_url="http://gateway/v1", api_key=KEY, http_client=http, max_retries=0)


def test_a_whole_response(house: House, client: openai.OpenAI) -> None:
    note = Annotation(0, 5, "https://moon.example/", "The moon")
    house.pool.will(Silence(2), Thinking("Hm."), Text("Hello"), note, Finish("stop", Usage(1, 2)))
    response = client.responses.create(**HI, instructions="Be brief.", metadata={"a": "b"})
    assert (response.id, response.status, response.output_text) == ("resp_abc123", "completed", "Hello")
    assert response.usage is not None and (response.usage.input_tokens, response.usage.output_tokens) == (1, 2)
    assert (response.instructions, response.metadata, response.model) == ("Be brief.", {"a": "b"}, "kimi")
    thought, said = response.output
    assert thought.type == "reasoning" and thought.summary[0].text == "Hm."
    assert said.type == "message" and said.content[0].type == "output_text"
    assert said.content[0].annotations[0].to_dict() == {
        "type": "url_citation",
        "start_index": 0,
        "end_index": 5,
        "url": "https://moon.example/",
        "title": "The moon",
    }
    assert house.pool.last.closed == 1


def test_a_streamed_response(house: House, client: openai.OpenAI) -> None:
    house.pool.will(Thinking("Hm."), Text("Hel"), Text("lo"), Finish("stop"))
    with client.responses.stream(**HI) as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert (texts, final.output_text, final.status) == (["Hel", "lo"], "Hello", "completed")
    house.pool.will(*answer("x"))
    raw = client.responses.create(**HI, stream=True)
    assert [event.sequence_number for event in raw] == list(range(9))


def test_a_tool_goes_round(house: House, client: openai.OpenAI) -> None:
    house.pool.will(ToolCall(0, "call-1", "look", '{"q":'), ToolCall(0, None, None, '"x"}'), Finish("tool_calls"))
    with client.responses.stream(**HI, tools=[LOOK]) as stream:
        final = stream.get_final_response()
    (call,) = final.output
    assert call.type == "function_call" and (call.name, call.call_id, call.arguments) == ("look", "call-1", '{"q":"x"}')
    house.pool.will(*answer("Found."))
    result = {"type": "function_call_output", "call_id": "call-1", "output": "y"}
    history: Any = [{"role": "user", "content": "hi"}, call.to_dict(), result]
    assert client.responses.create(model="kimi", input=history, tools=[LOOK]).output_text == "Found."
    chat = house.pool.started[-1][1]
    assert [message.role for message in chat.messages] == ["user", "assistant", "tool"]
    assert chat.messages[1].calls == (Call("call-1", "look", '{"q":"x"}'),)
    assert (chat.messages[2].answers, chat.messages[2].content) == ("call-1", "y")
    assert [tool["function"]["name"] for tool in chat.body["tools"]] == ["look"]


def test_a_form_is_parsed(house: House, client: openai.OpenAI) -> None:
    house.pool.will(*answer('{"name":', '"Oslo"}'))
    assert client.responses.parse(**HI, text_format=City).output_parsed == City(name="Oslo")
    form = house.pool.started[-1][1].form
    assert form is not None and form.schema is not None and form.schema["required"] == ["name"]


def test_the_question_goes_on_as_it_was_understood(house: House) -> None:
    house.pool.will(*answer("x"))
    body = {**HI, "model": "kimi-thinking", "tools": [{"type": "web_search"}], "max_output_tokens": 9}
    assert house.client.post(URL, json=body, headers=AUTHORIZED).status_code == 200
    selection, chat, _ = house.pool.started[0]
    assert selection.features == chat.features == {Feature.THINKING, Feature.SEARCH}
    assert (chat.messages, chat.limits) == ((Message("user", "hi"),), Limits(9))


def test_conversations_go_on_behind_a_response(house: House, client: openai.OpenAI) -> None:
    for change in ({}, {"previous_response_id": "resp_before"}, {"store": False}):
        house.pool.will(*answer("x"))
        response = client.responses.create(**HI, **change)
        assert response.previous_response_id == change.get("previous_response_id")
    scope = ClientKeys([KEY]).caller(None, KEY).scope
    assert [(turn.scope, turn.answer, turn.follows) for turn in house.pool.turns] == [
        (scope, "resp_abc123", ""),
        (scope, "resp_abc123", "resp_before"),
        (scope, "", ""),
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_that_is_gone_is_a_400_that_says_what_to_do(
    house: House, client: openai.OpenAI, *, stream: bool
) -> None:
    house.pool.will(ConversationLost("gone"))
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(**HI, previous_response_id="resp_x", stream=stream)
    assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
    assert "send the whole input" in refused.value.message
    assert failures(house) == {"previous_response_not_found"}


def test_what_the_end_of_a_stream_says_is_what_is_counted(house: House) -> None:
    house.pool.will(Text("Half an ans"), ConversationLost("gone"))
    body = {**HI, "previous_response_id": "resp_x", "stream": True}
    with house.client.post(URL, json=body, headers=AUTHORIZED) as ended:
        assert ended.status_code == 200 and '"code":"previous_response_not_found"' in ended.get_data(as_text=True)
    assert failures(house) == {"previous_response_not_found"}


def failures(house: House) -> set[str]:
    """The codes that were counted."""
    found = re.findall(r'kimi_gateway_failures_total{code="(\w+)"} [1-9]', house.metrics.text().decode())
    return set(found)


@pytest.mark.parametrize(
    ("error", "status", "param"),
    [
        (AllBusy(retry_after=7), 429, None),
        (RequestInvalid(param="messages[0].content"), 400, "input"),
        (RequestInvalid(param="max_completion_tokens"), 400, "max_output_tokens"),
        (RequestInvalid(param="top_p"), 400, "top_p"),
        (Unreachable(), 502, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_event_is_a_status(
    house: House, error: Exception, status: int, param: str | None, *, stream: bool
) -> None:
    house.pool.will(error)
    response = house.client.post(URL, json={**HI, "stream": stream}, headers=AUTHORIZED)
    assert (response.status_code, response.content_type) == (status, "application/json")
    assert response.get_json()["error"]["param"] == param
    assert ("retry-after" in response.headers) == (status == 429)


def test_a_failure_in_the_middle_is_an_exception_in_python(house: House, client: openai.OpenAI) -> None:
    house.pool.will(Text("a"), Unreachable())
    with pytest.raises(openai.APIError) as failed:
        list(client.responses.create(**HI, stream=True))
    assert failed.value.code == "upstream_error"
    house.pool.will(Text("a"), Unreachable())
    response = house.client.post(URL, json={**HI, "stream": True}, headers=AUTHORIZED)
    last = told(response.data)[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")


def test_a_failure_behind_a_long_silence_is_a_whole_stream(house: House) -> None:
    house.pool.will(Silence(20), ConversationLost("gone"))
    body = {**HI, "stream": True, "previous_response_id": "resp_x"}
    response = house.client.post(URL, json=body, headers=AUTHORIZED)
    assert response.status_code == 200
    events = told(response.data)
    assert [event["type"] for event in events] == [
        *("response.created", "response.in_progress", "error", "response.failed")
    ]
    assert events[-2]["param"] == "previous_response_id"


def test_an_error_names_the_field_as_the_client_wrote_it(house: House, client: openai.OpenAI) -> None:
    image: Any = {"type": "input_image", "image_url": "ftp://x", "detail": "auto"}
    text: Any = {"type": "input_text", "text": "What is this?"}
    house.pool.known = Summary(1, frozenset({"kimi"}))
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="kimi", input=[{"role": "user", "content": [text, image]}])
    assert refused.value.param == "input[0].content[1].image_url"
    assert house.pool.started == []


def deep(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(levels):
        inner = {"a": inner}
    return inner


@pytest.mark.parametrize("levels", [230, 240, 250, 260, 900])
@pytest.mark.parametrize(
    "body",
    [
        lambda value: {"metadata": value},
        lambda value: {"tools": [LOOK | {"parameters": value}]},
        lambda value: {"text": {"format": {"type": "json_schema", "name": "a", "schema": value}}},
        lambda value: {"input": [{"type": "tool_search_call", "call_id": "c", "arguments": value}]},
        lambda value: {"tools": [LOOK], "tool_choice": {"type": "function", "name": "look", "more": value}},
    ],
)
def test_a_body_is_no_fault_of_ours_however_deep_it_is(house: House, body: Any, levels: int) -> None:
    house.pool.will(*answer("x"))
    asked = json.dumps({**HI, **body(deep(levels))})
    status = house.client.post(URL, data=asked, headers=AUTHORIZED).status_code
    assert status == 400 if levels > 250 else status in (200, 400)


@pytest.mark.parametrize("path", ["/responses", "/v1/v1/responses", "/v1/responses/"])
def test_paths_as_clients_write_them(house: House, path: str) -> None:
    house.pool.will(*answer("x"))
    assert house.client.post(path, json=HI, headers=AUTHORIZED).status_code == 200


def test_there_is_no_response_to_be_got(client: openai.OpenAI) -> None:
    for ask in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(openai.NotFoundError) as refused:
            ask("resp_abc123")
        assert "not kept here" in refused.value.message
    with pytest.raises(openai.NotFoundError):
        client.responses.input_items.list("resp_abc123")


def test_tokens_are_counted_without_an_account(house: House, client: openai.OpenAI) -> None:
    counted = client.responses.input_tokens.count(model="kimi", input="How many tokens is this?")
    assert 5 < counted.input_tokens < 25
    assert house.pool.started == []


def test_a_key_is_needed_before_anything_else(house: House) -> None:
    for path in (URL, f"{URL}/input_tokens"):
        assert house.client.post(path, data=b"{").status_code == 401
