from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kimi.chat import Chat, Effort
from kimi.errors import (
    AccountDead,
    BrokenAnswer,
    KimiError,
    TokenRejected,
    UpstreamError,
)
from kimi.upstreams import KeepsChats
from tests.kimi.official import ACCOUNT, BODY, CHAT, SSE, moonshot
from tests.kimi.replay import Recorded, Replay, as_json, recorded


def sent(body: dict[str, Any], model: str = "kimi-k2.6", effort: Effort | None = None) -> dict[str, Any]:
    http = Replay(Recorded(recorded("moonshot-answer.sse"), headers=SSE))
    list(moonshot(http).stream(Chat(model=model, messages=CHAT.messages, effort=effort, body=body), ACCOUNT, "sk-x"))
    (call,) = http.calls
    assert (call.method, call.url, call.timeout) == ("POST", "http://official/v1/chat/completions", 120)
    assert (call.headers["Authorization"], call.headers["Content-Type"]) == ("Bearer sk-x", "application/json")
    assert call.proxy == "http://proxy"
    result: dict[str, Any] = call.json
    return result


def test_the_clients_request_goes_on_as_it_came_but_always_streamed_and_counted() -> None:
    body = {
        **BODY,
        "model": "as the client calls it",
        "stream": False,
        "stream_options": {"include_usage": False},
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
            {"role": "assistant", "content": "{", "partial": True},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_object"},
        "thinking": {"type": "disabled"},
        "max_tokens": 100,
        "stop": ["。"],
    }

    assert sent(body) == {
        **body,
        "model": "kimi-k2.6",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert body["stream"] is False


def test_what_k_series_models_refuse_is_dropped() -> None:
    refused = {"temperature": 0.3, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
    own = {"n": 2, "use_search": True, "conversation_id": "none"}

    assert sent({**BODY, **refused, **own}).keys() == sent(BODY).keys()
    assert refused.items() <= sent({**BODY, **refused, **own}, "moonshot-v2").items()
    assert not own.keys() & sent({**BODY, **refused, **own}, "moonshot-v2").keys()


ON, OFF = {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}
LOW: dict[str, Any] = {"reasoning_effort": "low"}
NAMED = {"tool_choice": {"type": "function", "function": {"name": "f"}}}
MUST = {"tool_choice": "required"}


@pytest.mark.parametrize(
    ("model", "said", "effort", "expected"),
    [
        ("kimi-k2.6", {}, None, {}),
        ("kimi-k2.6", LOW, "low", LOW),
        ("kimi-k2.6", ON, "medium", ON),
        ("kimi-k2.6", ON | LOW, "low", ON),
        ("kimi-k2.6", OFF | LOW, "none", OFF),
        ("kimi-k2.6", {"reasoning_effort": "minimal"}, "none", OFF),
        ("kimi-k2.6", MUST, None, MUST | OFF),
        ("kimi-k2.6", NAMED | LOW, "low", NAMED | OFF),
        ("kimi-k2.6", MUST | ON, "medium", MUST | ON),
        ("kimi-k2.6", {"tool_choice": "auto"} | LOW, "low", {"tool_choice": "auto"} | LOW),
        ("kimi-k2.7-code", OFF, "none", {}),
        ("kimi-k2.7-code", ON | LOW, "low", ON),
        ("kimi-k2.7-code-highspeed", {"reasoning_effort": "none"}, "none", {}),
        ("kimi-k3", ON, "medium", {}),
        ("kimi-k3", OFF, "none", LOW),
        ("kimi-k3", ON | {"reasoning_effort": "medium"}, "medium", {"reasoning_effort": "high"}),
        ("kimi-k3", MUST | {"reasoning_effort": "xhigh"}, "max", MUST | {"reasoning_effort": "max"}),
        ("moonshot-v2", ON | LOW, "low", ON | LOW),
    ],
)
def test_each_model_is_told_how_much_to_think_in_its_own_way(
    model: str, said: dict[str, Any], effort: Effort | None, expected: dict[str, Any]
) -> None:
    sends = sent({**BODY, **said}, model, effort)
    assert {name: sends[name] for name in sends.keys() & {"thinking", "reasoning_effort", "tool_choice"}} == expected


def test_the_developers_words_are_the_systems() -> None:
    said = [{"role": "developer", "content": "Be brief.", "name": "d"}, {"role": "user", "content": "hi"}]
    sends = sent({**BODY, "messages": said})["messages"]
    assert sends == [{"role": "system", "content": "Be brief.", "name": "d"}, {"role": "user", "content": "hi"}]


CALL = {"id": "f:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_of_k3_a_call_by_name_is_demanded_by_offering_nothing_else() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("e", "f")]
    sends = sent({**BODY, **NAMED, "tools": tools}, "kimi-k3")
    assert (sends["tool_choice"], sends["tools"]) == ("required", tools[1:])
    assert sent({**BODY, **NAMED, "tools": tools}, "kimi-k2.6")["tools"] == tools


@pytest.mark.parametrize("tools", [None, 1, [], ["f"], [{"function": "f"}], [{"function": {"name": ["f"]}}]])
@pytest.mark.parametrize("choice", ["f", ["f"], {"function": "f"}, {"function": {"name": 1}}, *NAMED.values()])
@pytest.mark.parametrize("model", ["kimi-k3", "kimi-k2.6"])
def test_nonsense_goes_on_as_it_came(model: str, tools: object, choice: object) -> None:
    said = {"tools": tools, "tool_choice": choice, "thinking": "maybe"}
    sends = sent({**BODY, **said}, model)
    assert (sends["tools"], sends["tool_choice"]) == (tools, choice)


@pytest.mark.parametrize(
    ("model", "said", "heard"),
    [
        ("kimi-k2.6", {}, " "),
        ("kimi-k2.6", {"reasoning_content": ""}, " "),
        ("kimi-k2.6", {"reasoning_content": None}, " "),
        ("kimi-k2.6", {"reasoning_content": "Hm"}, "Hm"),
        ("kimi-k3", {}, " "),
        ("moonshot-v2", {}, None),
    ],
)
def test_a_model_that_thinks_hears_of_a_thought_before_each_call(
    model: str, said: dict[str, Any], heard: str | None
) -> None:
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "", "tool_calls": [CALL], **said}]
    *_, called = sent({**BODY, "messages": turns}, model)["messages"]
    assert called.get("reasoning_content") == heard
    assert "reasoning_content" not in sent({**BODY, "messages": turns[:1]}, model)["messages"][0]


def test_a_model_that_does_not_think_hears_of_no_thought() -> None:
    turns = [{"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "user", "content": "hi"}]
    assert sent({**BODY, **OFF, "messages": turns}, effort="none")["messages"] == turns


def test_without_a_request_of_the_clients_the_messages_are_sent() -> None:
    assert sent({})["messages"] == [{"role": "user", "content": "你好"}]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (as_json({"data": {"available_balance": 0.0}}), 900.0),
        (as_json({"data": {"available_balance": -3.2}}), 900.0),
        (as_json({"data": {"available_balance": 12.5}}), None),
        (as_json({"data": {"available_balance": "0"}}), None),
        (as_json({"data": None}), None),
        (as_json([]), None),
        (Recorded(b"", 404), None),
    ],
)
def test_a_key_with_nothing_left_is_looked_at_again(answer: Recorded, seconds: float | None) -> None:
    http = Replay(answer)

    assert moonshot(http).resets_in(ACCOUNT, "sk-x") == seconds
    assert (http.calls[0].method, http.calls[0].url) == ("GET", "http://official/v1/users/me/balance")


def test_closing_early_lets_go_of_the_connection() -> None:
    http = Replay(Recorded(recorded("moonshot-answer.sse"), headers=SSE))
    upstream = moonshot(http)
    stream = upstream.stream(CHAT, ACCOUNT, "sk-x")
    next(stream)
    assert http.open == 1

    stream.close()

    assert http.open == 0
    assert not isinstance(upstream, KeepsChats)


def test_the_models_of_a_key() -> None:
    http = Replay(as_json({"object": "list", "data": [{"id": "kimi-k3"}, {"id": "kimi-k2.6"}, {"id": "kimi-k3"}, {}]}))

    assert moonshot(http).list_models(ACCOUNT, "sk-x") == ("kimi-k3", "kimi-k2.6")
    (call,) = http.calls
    assert (call.method, call.url, call.headers["Authorization"]) == ("GET", "http://official/v1/models", "Bearer sk-x")
    assert (call.proxy, call.timeout) == ("http://proxy", 30)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (as_json({"error": {"type": "invalid_authentication_error", "message": "x"}}, 401), AccountDead),
        (Recorded(b"", 401), TokenRejected),
        (Recorded(b"", 500), UpstreamError),
        (as_json({"data": []}), BrokenAnswer),
        (as_json({"data": [3, {"id": 3}]}), BrokenAnswer),
        (as_json({"data": "x"}), BrokenAnswer),
        (as_json([]), BrokenAnswer),
        (Recorded(b"<html>"), BrokenAnswer),
    ],
)
def test_models_that_are_not_told(answer: Recorded, error: type[KimiError]) -> None:
    with pytest.raises(error) as raised:
        moonshot(Replay(answer)).list_models(ACCOUNT, "sk-x")

    assert type(raised.value) is error


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_service_without_a_list_serves_the_models_that_the_account_names(status: int) -> None:
    named = replace(ACCOUNT, models=("kimi-k2.6",))

    assert moonshot(Replay(Recorded(b"<html>", status))).list_models(named, "sk-x") == ("kimi-k2.6",)
    with pytest.raises(KimiError):
        moonshot(Replay(Recorded(b"<html>", status))).list_models(ACCOUNT, "sk-x")


def test_naming_models_does_not_make_a_refused_key_good() -> None:
    refused = as_json({"error": {"type": "incorrect_api_key_error", "message": "x"}}, 401)
    with pytest.raises(AccountDead):
        moonshot(Replay(refused)).list_models(replace(ACCOUNT, models=("kimi-k2.6",)), "sk-x")
