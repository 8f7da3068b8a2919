"""OpenAI's Responses through a running gateway, as openai-python sees them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response

from tests.features.asking import answers, asked, complaint
from tests.features.kinds import OFFICIAL_MODEL, streaming
from tests.features.parts import PNG, unique, uploaded
from tests.features.test_search import FIRST, SECOND, searches
from tests.features.test_thinking import thinks
from tests.system.stack import KEY, Stack

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a place.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    "strict": False,
}


def told(house: Stack, asked: Any = "hi", *, model: str = "kimi", streamed: bool = False, **fields: Any) -> Response:
    """The response to the input `asked`."""
    with OpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0, timeout=60) as client:
        if not streamed:
            whole: Response = client.responses.create(model=model, input=asked, **fields)
            return whole
        *_, last = client.responses.create(model=model, input=asked, stream=True, **fields)
        response: Response = last.response
        return response


def thought(response: Response) -> str:
    return "".join(part.text for item in response.output if item.type == "reasoning" for part in item.summary)


@streaming
def test_responses_are_answered(house: Stack, streamed: bool) -> None:
    answers(house, "你好 {prompt} 🌕")
    response = told(house, "Ada", streamed=streamed)
    assert (response.output_text, response.status, response.model) == ("你好 Ada 🌕", "completed", "kimi")
    assert response.usage is not None and response.usage.input_tokens > 0 and response.usage.output_tokens > 0


@streaming
def test_reasoning_is_asked_for_and_told(house: Stack, streamed: bool) -> None:
    house.simulator.fault("answer", text="42。", thinking="Hm，嗯 🤔…")
    response = told(house, reasoning={"effort": "high", "summary": "auto"}, streamed=streamed)
    assert (thought(response), response.output_text) == ("Hm，嗯 🤔…", "42。")
    assert thinks(house)
    told(house, reasoning={"effort": "none"})
    assert not thinks(house)


@streaming
def test_a_limit_makes_an_answer_incomplete(house: Stack, streamed: bool) -> None:
    answers(house, "one two three " * 100)
    response = told(house, max_output_tokens=10, streamed=streamed)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None and response.incomplete_details.reason == "max_output_tokens"


@streaming
def test_a_search_has_citations(house: Stack, streamed: bool) -> None:
    answers(house, "The moon.", marks=False)
    response = told(house, model="kimi-silent", tools=[{"type": "web_search"}], streamed=streamed)
    (message,) = response.output
    assert message.type == "message" and message.content[0].type == "output_text"
    assert {getattr(note, "url", "") for note in message.content[0].annotations} == {FIRST, SECOND}
    assert searches(house)


def test_images_and_what_is_wrong_with_them(house: Stack) -> None:
    image = unique(PNG, "responses")
    answers(house, "I saw {images}.")
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    shown = [{"type": "input_text", "text": "What is it?"}, {"type": "input_image", "image_url": url, "detail": "auto"}]
    response = told(house, [{"role": "user", "content": shown}])
    (seen,) = uploaded(house, image)
    assert response.output_text == f"I saw {seen['name']}."
    private = [{"type": "input_text", "text": "?"}, {"type": "input_image", "image_url": "http://10.0.0.1/a"}]
    with pytest.raises(BadRequestError) as refused:
        told(house, [{"role": "user", "content": private}], instructions="Be brief.")
    assert complaint(refused.value)[2] == "input[0].content[1]"


def test_a_tool_can_show_an_image(house: Stack) -> None:
    """Codex has one for that."""
    image = unique(PNG, "shown by a tool")
    answers(house, "I saw {images}.")
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    call = {"type": "function_call", "call_id": "c1", "name": "view_image", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_image", "image_url": url}]}
    response = told(house, [{"role": "user", "content": "What is it?"}, call, result])
    (seen,) = uploaded(house, image)
    assert response.output_text == f"I saw {seen['name']}."


@streaming
def test_a_response_is_followed_where_it_stands(house: Stack, streamed: bool) -> None:
    question = f"What is one, in responses? {streamed}"
    answers(house, f"Answer to {question}")
    first = told(house, question, streamed=streamed)
    before = house.simulator.total("chats_created")
    answers(house, "{prompt} behind {history}")
    second = told(house, "And two?", previous_response_id=first.id, streamed=streamed)
    assert second.output_text == f"And two? behind user:{question} | assistant:Answer to {question}"
    answers(house, "{prompt}")
    third = told(house, "And three?", previous_response_id=second.id, streamed=streamed)
    assert (third.output_text, third.previous_response_id) == ("And three?", second.id)
    assert len({first.id, second.id, third.id}) == 3
    assert house.simulator.total("chats_created") == before
    with pytest.raises(BadRequestError) as refused:
        told(house, "And two?", previous_response_id=first.id, streamed=streamed)
    assert complaint(refused.value) == (400, "previous_response_not_found", "previous_response_id")


def test_references_to_items_are_followed(house: Stack) -> None:
    answers(house, "One.")
    first = told(house, "What is one, by reference?")
    answers(house, "{prompt} behind {history}")
    reference = {"type": "item_reference", "id": first.output[-1].id}
    said = [{"role": "user", "content": "What is one?"}, reference, {"role": "user", "content": "And two?"}]
    assert told(house, said).output_text == "And two? behind user:What is one, by reference? | assistant:One."


@streaming
def test_a_conversation_of_items_is_recognised(house: Stack, streamed: bool) -> None:
    question = f"What is one, in items? {streamed}"
    house.simulator.fault("answer", text="One.", thinking="Hm")
    fields: dict[str, Any] = {"reasoning": {"effort": "high"}, "streamed": streamed}
    first = told(house, question, **fields)
    answers(house, "{prompt}")
    items = [item.to_dict() for item in first.output]
    history = [{"role": "user", "content": question}, *items, {"role": "user", "content": "And two?"}]
    assert told(house, history, **fields).output_text == "And two?"


def test_an_answer_in_several_items_is_recognised(house: Stack) -> None:
    """What was asked for once more has been thought of once more, between its texts."""
    fields: dict[str, Any] = {"tools": [WEATHER], "reasoning": {"effort": "high"}, "store": False}
    for text, arguments in (("Let me look.", {}), ("So:", {"query": "Bonn"})):
        answers(house, text, thinking="Hm", calls=[{"name": "get_weather", "arguments": arguments}])
    first = told(house, "Rain in Bonn?", **fields)
    assert [item.type for item in first.output] == ["reasoning", "message", "reasoning", "message", "function_call"]
    call = first.output[-1]
    assert call.type == "function_call"
    before = house.simulator.total("chats_created")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "dry"}
    items = [item.to_dict() for item in first.output]
    assert "dry" in told(house, [{"role": "user", "content": "Rain in Bonn?"}, *items, result], **fields).output_text
    assert house.simulator.total("chats_created") == before


@streaming
def test_tools_are_called(house: Stack, streamed: bool) -> None:
    fields: dict[str, Any] = {"tools": [WEATHER], "streamed": streamed}
    question = f"get_weather in 上海, in responses {streamed}"
    first = told(house, question, **fields)
    (call,) = first.output
    assert call.type == "function_call" and call.name == "get_weather" and question in call.arguments
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    before = house.simulator.total("chats_created")
    history = [{"role": "user", "content": question}, call.to_dict(), result]
    second = told(house, history, **fields)
    assert "sunny" in second.output_text
    assert house.simulator.total("chats_created") == before, "the conversation is recognised"
    third = told(house, f"get_weather again {streamed}", previous_response_id=second.id, **fields)
    (call,) = third.output
    assert call.type == "function_call"
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "cloudy"}
    fourth = told(house, [result], previous_response_id=third.id, **fields)
    assert "cloudy" in fourth.output_text
    assert house.simulator.total("chats_created") == before


@streaming
def test_custom_tools_are_called(house: Stack, streamed: bool) -> None:
    edit: Any = {"type": "custom", "name": "apply_patch", "description": "Edits files."}
    house.simulator.fault("answer", calls=[{"name": "apply_patch", "arguments": {"input": "*** Begin Patch\n"}}])
    (call,) = told(house, "Edit the file.", tools=[edit], streamed=streamed).output
    assert call.type == "custom_tool_call" and (call.name, call.input) == ("apply_patch", "*** Begin Patch\n")


@streaming
def test_tools_are_called_on_the_platform(connect: Stack, streamed: bool) -> None:
    fields: dict[str, Any] = {"model": OFFICIAL_MODEL, "tools": [WEATHER], "streamed": streamed}
    response = told(connect, "get_weather in 上海", **fields)
    (call,) = [item for item in response.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"query": "get_weather in 上海"})
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    items = [item.to_dict() for item in response.output]
    told(connect, [{"role": "user", "content": "get_weather in 上海"}, *items, result], **fields)
    *_, made, answered = asked(connect)["body"]["messages"]
    assert made["tool_calls"][0]["id"] == answered["tool_call_id"] == call.call_id
    assert answered["content"] == "sunny"


def test_there_is_no_response_to_be_got(house: Stack) -> None:
    with OpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0) as client, pytest.raises(NotFoundError):
        client.responses.retrieve("resp_1")
