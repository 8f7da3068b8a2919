"""Official keys: what goes to the platform as it came, and what is corrected on the way."""

from __future__ import annotations

from typing import Any

import pytest
from openai import APIStatusError, BadRequestError, OpenAI

from tests.features.asking import answers, ask, asked, complaint, seen
from tests.features.kinds import OFFICIAL_MODEL, streaming
from tests.system.stack import KEY, Stack

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]


@streaming
def test_tools_are_called(house: Stack, streamed: bool) -> None:
    answer = ask(house, "get_weather in 上海", model=OFFICIAL_MODEL, tools=TOOLS, streamed=streamed)
    assert answer.finish == "tool_calls"
    assert answer.tool_calls == [{"name": "get_weather", "arguments": '{"query":"get_weather in 上海"}'}]
    assert asked(house)["body"]["tools"] == TOOLS


@streaming
def test_words_before_a_call_are_shown(house: Stack, streamed: bool) -> None:
    answers(house, "Let me look. {calls}", calls=[{"name": "get_weather", "arguments": {"query": "上海"}}])
    answer = ask(house, "Rain in 上海?", model=OFFICIAL_MODEL, tools=TOOLS, streamed=streamed)
    assert (answer.text, answer.finish) == ("Let me look. ", "tool_calls")
    assert answer.tool_calls == [{"name": "get_weather", "arguments": '{"query":"上海"}'}]


def test_tools_go_to_the_platform_where_it_has_the_model(connect: Stack) -> None:
    """Accounts of the web chat have to be told of them in words."""
    ask(connect, model="kimi-k2.6")
    assert asked(connect)["dialect"] in ("kimi", "moonshot")
    answer = ask(connect, model="kimi-k2.6", tools=TOOLS, tool_choice="required")
    assert answer.tool_calls[0]["name"] == "get_weather"
    assert asked(connect)["dialect"] == "moonshot"


def test_tools_go_to_the_web_chat_where_no_key_can_serve_now(connect: Stack) -> None:
    connect.simulator.fault("error", match={"kind": "moonshot", "endpoint": "chat"}, reason="overloaded")
    answer = ask(connect, model="kimi-k2.6", tools=TOOLS, tool_choice="required")
    assert answer.tool_calls[0]["name"] == "get_weather"
    assert [note["dialect"] for note in seen(connect, last=2)] == ["moonshot", "kimi"]


def test_a_conversation_with_an_id_has_its_tools_in_the_web_chat(connect: Stack) -> None:
    first = ask(connect, model="kimi-k2.6", tools=TOOLS, conversation_id="none")
    ask(connect, "and?", model="kimi-k2.6", tools=TOOLS, conversation_id=first.id)
    assert [note["dialect"] for note in seen(connect, last=2)] == ["kimi", "kimi"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"response_format": {"type": "yaml"}}, "response_format"),
    ],
)
def test_what_the_web_chats_cannot_do_is_said(house: Stack, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask(house, model="kimi", **fields)
    assert complaint(refused.value) == (400, "invalid_value", param)


def test_answers_in_json(house: Stack) -> None:
    answers(house, "yes")
    form = {"type": "json_object"}
    assert ask(house, model=OFFICIAL_MODEL, response_format=form).text == '{"answer":"yes"}'
    assert asked(house)["body"]["response_format"] == form


def test_partial_mode(house: Stack) -> None:
    answers(house, "rest")
    messages = [{"role": "user", "content": "count"}, {"role": "assistant", "content": "1, 2", "partial": True}]
    assert ask(house, model=OFFICIAL_MODEL, messages=messages).text == "…rest"
    assert asked(house)["body"]["messages"] == messages


@streaming
def test_usage_is_the_platforms_own(house: Stack, streamed: bool) -> None:
    usage = ask(house, "你好", model=OFFICIAL_MODEL, streamed=streamed).usage
    assert usage.prompt_tokens == 6
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 6


def test_usage_is_told_once_and_where_clients_look(house: Stack) -> None:
    with OpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0) as client:
        chunks = list(
            client.chat.completions.create(
                model=OFFICIAL_MODEL, messages=[{"role": "user", "content": "hi"}], stream=True
            )
        )
    assert [chunk.usage is not None for chunk in chunks].count(True) == 1
    assert all("usage" not in (choice.model_extra or {}) for chunk in chunks for choice in chunk.choices)


@pytest.mark.parametrize("name", ["temperature", "top_p", "presence_penalty", "frequency_penalty", "n"])
def test_sampling_fields_that_the_platform_refuses_are_dropped(house: Stack, name: str) -> None:
    fields: dict[str, Any] = {name: 1}
    assert ask(house, model=OFFICIAL_MODEL, **fields).finish == "stop"
    assert name not in asked(house)["body"]


@pytest.mark.parametrize("name", ["kimi-k2-0905-preview", "moonshot-v1-8k", "kimi-latest"])
def test_retired_names_are_served(house: Stack, name: str) -> None:
    answer = ask(house, model=name)
    assert (answer.finish, answer.model) == ("stop", name)


def test_an_organisation_rests_as_a_whole(classic: Stack) -> None:
    """Two of the three keys are of one: after the first refusal the other one is not even tried."""
    classic.simulator.fault("error", times=None, match={"org": "shared", "endpoint": "chat"}, reason="rate")
    for _ in range(6):
        assert ask(classic, model=OFFICIAL_MODEL).finish == "stop"
    refused = [note for note in seen(classic, last=12) if note["dialect"] == "moonshot" and note["status"] == 429]
    assert 1 <= len(refused) <= 2, "each has told once at most that they belong together"


def test_errors_are_complete_and_name_nobody(connect: Stack) -> None:
    connect.simulator.fault("error", match={"kind": "moonshot", "endpoint": "chat"}, reason="content_filter")
    with pytest.raises(APIStatusError) as refused:
        ask(connect, model=OFFICIAL_MODEL)
    assert complaint(refused.value)[:2] == (400, "content_filter")
    connect.simulator.fault("error", match={"kind": "moonshot", "endpoint": "chat"}, reason="too_long")
    with pytest.raises(APIStatusError) as refused:
        ask(connect, model=OFFICIAL_MODEL)
    assert complaint(refused.value)[:2] == (400, "context_length_exceeded")
    assert "org-" not in str(refused.value)
    assert "set-cookie" not in refused.value.response.headers
    assert not [name for name in refused.value.response.headers if "msh" in name]


def test_clients_that_drop_what_was_thought_are_served_behind_a_call(connect: Stack) -> None:
    call = {"id": "get_weather:0", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    turns = [
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "dry"},
    ]
    answer = ask(connect, model="kimi-k2.6", messages=turns, tools=TOOLS)
    assert answer.thinking and "dry" in answer.text
    assert asked(connect)["dialect"] == "moonshot"
