"""The official platform, chunk by chunk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.clients import Client, events

if TYPE_CHECKING:
    from tests.simulator.running import Simulator

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
OFF = {"type": "disabled"}


def joined(chunks: list[dict[str, Any]], name: str) -> str:
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    return "".join(delta.get(name) or "" for delta in deltas)


def test_a_stream_thinks_answers_and_counts(official: Client) -> None:
    answer = official.ask("天气?", stream=True, stream_options={"include_usage": True})
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.content.rstrip().endswith(b"[DONE]")
    chunks = events(answer.content)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant" or chunks[0]["choices"][0]["delta"] == {}
    assert "You said: 天气?\n" in joined(chunks, "content")
    assert "simulated thinking" in joined(chunks, "reasoning_content")
    finish = next(chunk for chunk in chunks if chunk["choices"] and chunk["choices"][0]["finish_reason"])
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == finish["choices"][0]["usage"]
    assert finish["choices"][0]["usage"]["prompt_tokens"] > 0


def test_usage_is_only_repeated_when_asked_for(kimi: Simulator, official: Client) -> None:
    kimi.settings(tame=True)
    chunks = events(official.ask(stream=True).content)
    assert all(chunk["choices"] for chunk in chunks)


def test_an_answer_can_be_whole(official: Client) -> None:
    body = official.ask("hey").json()
    message = body["choices"][0]["message"]
    assert (body["object"], message["role"], body["choices"][0]["finish_reason"]) == (
        "chat.completion",
        "assistant",
        "stop",
    )
    assert "You said: hey\n" in message["content"]
    assert message["reasoning_content"]
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


def test_thinking_can_be_switched_off(official: Client) -> None:
    assert "reasoning_content" not in official.ask(thinking=OFF).json()["choices"][0]["message"]


@pytest.mark.parametrize("name", ["temperature", "top_p", "n", "presence_penalty", "frequency_penalty"])
def test_sampling_fields_are_refused(official: Client, name: str) -> None:
    refused = official.ask(more={name: 1})
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")
    assert refused.json()["error"].keys() == {"message", "type"}


def test_retired_models_are_not_found(kimi: Simulator, official: Client) -> None:
    refused = official.ask(model="moonshot-v1-8k")
    assert (refused.status_code, refused.json()["error"]["type"]) == (404, "resource_not_found_error")
    other = Client(kimi, kimi.mint(kind="moonshot", models=["kimi-k3"]))
    assert other.ask().status_code == 404


def test_a_tool_is_called_when_the_prompt_names_it(official: Client) -> None:
    chunks = events(official.ask("please get_weather in 上海", tools=TOOLS, stream=True).content)
    calls = [
        call for chunk in chunks if chunk["choices"] for call in chunk["choices"][0]["delta"].get("tool_calls", [])
    ]
    assert [call["function"].get("name") for call in calls if call["function"].get("name")] == ["get_weather"]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"query":"please get_weather in 上海"}'
    finish = next(chunk for chunk in chunks if chunk["choices"] and chunk["choices"][0]["finish_reason"])
    assert finish["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("fields", [{"thinking": OFF, "reasoning_effort": "low"}, {"tool_choice": "required"}])
def test_wishes_that_exclude_each_other_are_refused(official: Client, fields: dict[str, Any]) -> None:
    assert official.ask("hello", tools=TOOLS, **fields).json()["error"]["type"] == "invalid_request_error"


def test_no_tool_is_called_without_need(official: Client) -> None:
    assert official.ask("hello", tools=TOOLS).json()["choices"][0]["finish_reason"] == "stop"
    required = official.ask("hello", tools=TOOLS, tool_choice="required", thinking=OFF).json()["choices"][0]
    assert required["message"]["tool_calls"][0]["function"]["name"] == "get_weather"


def test_stop_and_max_tokens_are_honoured(kimi: Simulator, official: Client) -> None:
    kimi.settings(answer="一二三四五六七八九十")
    choice = official.ask(stop=["四", "九"]).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("一二三", "stop")
    choice = official.ask(max_tokens=5).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("一二三四五", "length")


def test_an_answer_may_have_to_be_json(kimi: Simulator, official: Client) -> None:
    kimi.settings(answer="yes")
    answer = official.ask(response_format={"type": "json_object"}).json()["choices"][0]["message"]["content"]
    assert answer == '{"answer":"yes"}'
    assert official.ask(response_format={"type": "yaml"}).status_code == 400


def test_a_partial_message_is_gone_on_with_and_not_repeated(kimi: Simulator, official: Client) -> None:
    kimi.settings(answer="rest")
    messages = [{"role": "user", "content": "count"}, {"role": "assistant", "content": "1, 2", "partial": True}]
    assert official.ask(messages=messages).json()["choices"][0]["message"]["content"] == "…rest"
    assert official.ask(messages=[messages[0], {"role": "assistant", "content": "1"}]).status_code == 400


def test_a_fault_can_be_of_a_whole_organisation(kimi: Simulator) -> None:
    one, two = (Client(kimi, kimi.mint(kind="moonshot", org="org-shared")) for _ in range(2))
    other = Client(kimi, kimi.mint(kind="moonshot"))
    kimi.fault("error", times=None, match={"org": "org-shared", "endpoint": "chat"}, reason="rate")
    said = [client.ask() for client in (one, two)]
    assert [answer.status_code for answer in said] == [429, 429]
    assert other.ask().status_code == 200
    kimi.fault("error", match={"endpoint": "chat"}, reason="rate")
    one_id, two_id, other_id = (answer.json()["error"]["message"].split()[2] for answer in (*said, other.ask()))
    assert one_id == two_id != other_id


def test_models_tokens_and_balance(official: Client) -> None:
    listed = official.call("GET", "/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["kimi-k3", "kimi-k2.7-code", "kimi-k2.6"]
    assert listed[0].keys() >= {"context_length", "supports_image_in", "supports_reasoning"}
    messages = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "你好"}]}
    counted = official.call("POST", "/v1/tokenizers/estimate-token-count", messages).json()
    assert counted["data"]["total_tokens"] == 6
    assert official.call("GET", "/v1/users/me/balance").json()["data"]["available_balance"] == 88.88


def test_a_wrong_key_is_refused(official: Client) -> None:
    official.account["api_key"] = "sk-wrong"
    refused = official.call("GET", "/v1/models")
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "invalid_authentication_error")


def test_answers_carry_headers_that_nobody_downstream_should_see(official: Client) -> None:
    assert {"Msh-Request-Id", "X-Msh-Trace-Id", "Set-Cookie"} <= set(official.ask().headers)


def test_fifty_streams_an_organisation(kimi: Simulator) -> None:
    kimi.settings(moonshot_streams=2)
    one, two = (Client(kimi, kimi.mint(kind="moonshot", org="org-shared")) for _ in range(2))
    kimi.fault("hang", times=None, texts=0)
    with one.ask(stream=True, streamed=True), two.ask(stream=True, streamed=True):
        refused = Client(kimi, one.account).ask(stream=True)
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_reached_error")
    assert "try again after" in refused.json()["error"]["message"]


def test_the_system_may_have_the_last_word(official: Client) -> None:
    messages = [{"role": "user", "content": "get_weather"}, {"role": "system", "content": "Today is Monday."}]
    assert "You said: get_weather\n" in official.ask(messages=messages).json()["choices"][0]["message"]["content"]
    called = official.ask(messages=messages, tools=TOOLS).json()["choices"][0]
    assert called["finish_reason"] == "tool_calls"


def test_arguments_fit_the_schema_and_a_script_names_the_calls(kimi: Simulator, official: Client) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]
    (call,) = official.ask("get_weather", tools=tools).json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == '{"city":"get_weather"}'
    kimi.settings(directives=True)
    wanted = [{"name": "get_weather", "arguments": {"city": city}} for city in ("Paris", "Rome")]
    prompt = f"go [[sim {json.dumps({'calls': wanted})}]]"
    calls = official.ask(prompt, tools=tools).json()["choices"][0]["message"]["tool_calls"]
    assert [(call["index"], json.loads(call["function"]["arguments"])["city"]) for call in calls] == [
        (0, "Paris"),
        (1, "Rome"),
    ]
