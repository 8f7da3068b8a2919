"""Anthropic's Messages through a running gateway, as its own client sees them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import requests

from gateway.surfaces.messages.ids import inward
from tests.anthropic_sdk import sdk
from tests.features.asking import answers, asked
from tests.features.kinds import OFFICIAL_MODEL, streaming
from tests.features.parts import PDF, PNG, unique, uploaded
from tests.features.test_search import FIRST, SECOND, searches
from tests.features.test_thinking import thinks
from tests.system.stack import KEY, Stack

if TYPE_CHECKING:
    from anthropic.types import Message

WEATHER: Any = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}


def told(house: Stack, content: Any = "hi", *, model: str = "kimi", streamed: bool = False, **fields: Any) -> Message:
    """The message with which `content` is answered, or `messages` among `fields`."""
    fields = {"max_tokens": 1_000, "messages": [{"role": "user", "content": content}], **fields}
    with sdk().Anthropic(base_url=house.url, api_key=KEY, max_retries=0, timeout=60) as client:
        if not streamed:
            whole: Message = client.messages.create(model=model, **fields)
            return whole
        with client.messages.stream(model=model, **fields) as events:
            end: Message = events.get_final_message()
            return end


def text(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@streaming
def test_messages_are_answered(house: Stack, streamed: bool) -> None:
    answers(house, "你好 {prompt} 🌕")
    message = told(house, "Ada", model="claude-sonnet-9-20990101", streamed=streamed)
    assert (text(message), message.stop_reason) == ("你好 Ada 🌕", "end_turn")
    assert message.model == "claude-sonnet-9-20990101"
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0


@streaming
def test_its_thinking_is_asked_for_and_told(house: Stack, streamed: bool) -> None:
    house.simulator.fault("answer", text="42。", thinking="Hm，嗯 🤔…")
    message = told(house, thinking={"type": "enabled", "budget_tokens": 2_000}, max_tokens=3_000, streamed=streamed)
    thought, said = message.content
    assert thought.type == "thinking" and said.type == "text"
    assert (thought.thinking, said.text) == ("Hm，嗯 🤔…", "42。")
    assert thought.signature
    assert thinks(house)
    told(house, thinking={"type": "disabled"})
    assert not thinks(house)


@streaming
def test_its_stop_sequences(house: Stack, streamed: bool) -> None:
    answers(house, "one two three")
    message = told(house, stop_sequences=["three", "two"], streamed=streamed)
    assert (text(message), message.stop_reason, message.stop_sequence) == ("one ", "stop_sequence", "two")


@streaming
def test_its_limit(house: Stack, streamed: bool) -> None:
    answers(house, "one two three " * 100)
    message = told(house, max_tokens=10, streamed=streamed)
    assert message.stop_reason == "max_tokens"
    assert 0 < message.usage.output_tokens <= 14


@streaming
def test_its_search_has_citations(house: Stack, streamed: bool) -> None:
    answers(house, "The moon.", marks=False)
    search: Any = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    message = told(house, model="kimi-silent", tools=[search], streamed=streamed)
    (block,) = message.content
    assert block.type == "text" and block.text == "The moon."
    assert {getattr(each, "url", "") for each in block.citations or []} == {FIRST, SECOND}
    assert searches(house)


def test_its_images_and_documents(house: Stack) -> None:
    image, document = unique(PNG, "messages"), unique(PDF, "messages")
    answers(house, "I read {files}, saw {images}.")

    def source(media: str, content: bytes) -> dict[str, Any]:
        return {"type": "base64", "media_type": media, "data": base64.b64encode(content).decode()}

    shown = [
        {"type": "image", "source": source("image/png", image)},
        {"type": "document", "source": source("application/pdf", document), "title": "plan.pdf"},
        {"type": "text", "text": "What is in it?"},
    ]
    message = told(house, shown)
    (seen,) = uploaded(house, image)
    assert text(message) == f"I read plan.pdf, saw {seen['name']}."


def test_a_file_that_cannot_be_had_is_named_by_its_place(house: Stack) -> None:
    shown = [
        {"type": "text", "text": "Well?"},
        {"type": "image", "source": {"type": "url", "url": "http://10.0.0.1/a"}},
    ]
    with pytest.raises(sdk().BadRequestError, match=r"messages\.0\.content\.1"):
        told(house, shown, system="Be brief.")


@streaming
def test_a_conversation_of_blocks_is_recognised(house: Stack, streamed: bool) -> None:
    question = f"What is one, in messages? {streamed}"
    house.simulator.fault("answer", text="One.", thinking="Hm")
    fields: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1_024}, "streamed": streamed}
    first = told(house, question, max_tokens=2_000, system=_attributed("1"), **fields)
    answers(house, "{prompt}")
    turns: list[Any] = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": [block.model_dump() for block in first.content]},
        {"role": "user", "content": [{"type": "text", "text": "And two?", "cache_control": {"type": "ephemeral"}}]},
    ]
    second = told(house, messages=turns, max_tokens=2_000, system=_attributed("2"), **fields)
    assert text(second) == "And two?"


def _attributed(mark: str) -> list[dict[str, str]]:
    """Instructions as Claude Code sends them."""
    line = f"x-anthropic-billing-header: cc_version=2.1.177.01c; cc_entrypoint=cli; cch={mark};"
    return [{"type": "text", "text": line}, {"type": "text", "text": "Be brief."}]


@streaming
def test_its_tools_are_called(house: Stack, streamed: bool) -> None:
    question = "get_weather in 上海"
    message = told(house, question, tools=[WEATHER], streamed=streamed)
    (call,) = [block for block in message.content if block.type == "tool_use"]
    assert (call.name, call.input, message.stop_reason) == ("get_weather", {"query": question}, "tool_use")
    turns = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": [block.model_dump() for block in message.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
    ]
    answers(house, "It is sunny.")
    assert text(told(house, messages=turns, tools=[WEATHER], streamed=streamed)) == "It is sunny."
    assert "sunny" in asked(house)["prompt"]


@streaming
def test_a_tool_that_has_to_be_called_is(house: Stack, streamed: bool) -> None:
    message = told(
        house, "get_weather", tools=[WEATHER], tool_choice={"type": "tool", "name": "get_weather"}, streamed=streamed
    )
    assert [block.name for block in message.content if block.type == "tool_use"] == ["get_weather"]


@streaming
def test_its_answers_in_json(house: Stack, streamed: bool) -> None:
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    message = told(house, output_config={"format": {"type": "json_schema", "schema": schema}}, streamed=streamed)
    assert orjson.loads(text(message)).keys() == {"answer"}


@streaming
def test_its_tools_are_called_on_the_platform(connect: Stack, streamed: bool) -> None:
    fields: dict[str, Any] = {"model": OFFICIAL_MODEL, "tools": [WEATHER], "streamed": streamed}
    message = told(connect, "get_weather in 上海", **fields)
    (call,) = [block for block in message.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", {"query": "get_weather in 上海"})
    assert message.stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    turns = [
        {"role": "user", "content": "get_weather in 上海"},
        {"role": "assistant", "content": [block.model_dump() for block in message.content]},
        {"role": "user", "content": [result]},
    ]
    told(connect, messages=turns, **fields)
    *_, made, answered = asked(connect)["body"]["messages"]
    assert made["tool_calls"][0]["id"] == answered["tool_call_id"] == inward(call.id)
    assert answered["content"] == "sunny"


def test_silences_are_bridged_by_its_own_event(house: Stack) -> None:
    house.simulator.fault("stall", texts=1, seconds=2.5)
    body = {"model": "kimi", "max_tokens": 99, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with requests.post(
        f"{house.url}/v1/messages", json=body, headers={"x-api-key": KEY}, stream=True, timeout=60
    ) as response:
        sent = b"".join(response.iter_content(None))
    assert sent.count(b"event: ping\n") >= 2
    assert sent.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


@streaming
def test_thinking_is_asked_of_the_platform_in_the_one_way_that_it_takes(connect: Stack, streamed: bool) -> None:
    thinking = {"type": "enabled", "budget_tokens": 2_000}
    message = told(connect, model="kimi-k2.6", thinking=thinking, tools=[WEATHER], max_tokens=3_000, streamed=streamed)
    assert message.content[0].type == "thinking"
    body = asked(connect)["body"]
    assert body["thinking"] == {"type": "enabled"} and "reasoning_effort" not in body
    forced = told(connect, model="kimi-k2.6", tools=[WEATHER], tool_choice={"type": "any"}, streamed=streamed)
    assert forced.stop_reason == "tool_use"
