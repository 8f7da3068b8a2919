from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from kimi.accounts import Kind
from kimi.chat import Feature, Message
from kimi.errors import AllBusy, ContentRefused, NoAccount, RequestInvalid, StoreUnavailable, Unreachable
from kimi.events import Answering, Finish, Text, Usage
from tests.gateway.fakes import AUTHORIZED, EVERYTHING, House, Silence, answer

URL = "/v1/chat/completions"
HI = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def house() -> House:
    return House()


def test_a_whole_answer(house: House) -> None:
    house.pool.will(Answering("s"), Silence(2), Text("Hel"), Text("lo"), Finish("stop", Usage(1, 2)))
    response = house.client.post(URL, json=HI, headers=AUTHORIZED)
    assert response.status_code == 200
    assert response.content_type == "application/json"
    body = response.get_json()
    assert body["id"] == "chatcmpl-abc123"
    assert body["created"] == 1_700_000_000
    assert body["model"] == "kimi"
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "Hello", "refusal": None}
    assert body["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert house.pool.last.closed == 1


def test_a_streamed_answer(house: House) -> None:
    house.pool.will(*answer("Hel", "lo"))
    response = house.client.post(URL, json={**HI, "stream": "true"}, headers=AUTHORIZED)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-request-id"] == "req-abc123"
    assert response.headers["access-control-allow-origin"] == "*"
    lines = response.data.decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    texts = [orjson.loads(line[6:])["choices"][0]["delta"].get("content", "") for line in lines[:-2]]
    assert "".join(texts) == "Hello"
    response.close()
    assert house.pool.last.closed == 1


def test_the_question_goes_on_as_it_was_understood(house: House) -> None:
    house.pool.will(*answer("x"))
    house.client.post(URL, json={**HI, "model": "kimi-thinking", "use_search": True}, headers=AUTHORIZED)
    selection, chat, _ = house.pool.started[0]
    assert selection.routes == ("kimi", "kimi-classic")
    assert selection.features == chat.features == {Feature.THINKING, Feature.SEARCH}
    assert chat.messages == (Message("user", "hi"),)
    assert chat.body["model"] == "kimi-thinking"


def test_accept_is_never_negotiated(house: House) -> None:
    house.pool.will(*answer("x"))
    response = house.client.post(URL, json=HI, headers={**AUTHORIZED, "Accept": "text/event-stream"})
    assert response.content_type == "application/json"


def test_a_chunked_body_without_content_type(house: House) -> None:
    house.pool.will(*answer("x"))
    response = house.client.post(
        URL,
        input_stream=BytesIO(orjson.dumps(HI)),
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        headers=AUTHORIZED,
    )
    assert response.status_code == 200


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AllBusy(retry_after=7), 429, "rate_limit_exceeded"),
        (NoAccount(), 503, "no_available_account"),
        (Unreachable(), 502, "upstream_error"),
        (ContentRefused(), 400, "content_filter"),
        (RequestInvalid(param="top_p"), 400, "invalid_value"),
        (ZeroDivisionError(), 500, "internal_error"),
    ],
)
def test_a_failure_before_the_first_event_is_a_status(
    house: House, error: Exception, status: int, code: str, *, stream: bool
) -> None:
    house.pool.will(Answering("s"), error)
    response = house.client.post(URL, json={**HI, "stream": stream}, headers=AUTHORIZED)
    assert response.status_code == status
    assert response.content_type == "application/json"
    assert response.get_json()["error"]["code"] == code
    assert house.pool.last.closed == 1
    assert ("retry-after" in response.headers) == (status in (429, 503))


def test_a_failure_after_the_first_event_ends_a_whole_answer_with_a_status(house: House) -> None:
    house.pool.will(Text("a"), Unreachable())
    assert house.client.post(URL, json=HI, headers=AUTHORIZED).status_code == 502


def test_a_failure_after_the_first_event_ends_a_stream_with_the_error(house: House) -> None:
    house.pool.will(Text("a"), Unreachable())
    response = house.client.post(URL, json={**HI, "stream": True}, headers=AUTHORIZED)
    assert response.status_code == 200
    assert orjson.loads(response.data.split(b"\n\n")[-3][6:])["error"]["code"] == "upstream_error"


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"messages": []}, 400, "invalid_value", "messages"),
        ({"model": "gpt-4"}, 404, "model_not_found", "model"),
        ({"tool_choice": "required"}, 400, "invalid_value", "tool_choice"),
    ],
)
def test_a_bad_request_borrows_nothing(
    house: House, change: dict[str, Any], status: int, code: str, param: str
) -> None:
    response = house.client.post(URL, json={**HI, **change}, headers=AUTHORIZED)
    assert response.status_code == status
    assert (response.get_json()["error"]["code"], response.get_json()["error"]["param"]) == (code, param)
    assert house.pool.started == []


def test_a_key_is_needed_before_anything_else(house: House) -> None:
    response = house.client.post(URL, data=b"{", headers={"Authorization": "Bearer wrong"})
    assert response.status_code == 401
    assert response.get_json()["error"]["code"] == "invalid_api_key"


def test_a_large_body_is_refused() -> None:
    house = House(gateway_max_body_mb=0.001)
    response = house.client.post(URL, json={**HI, "user": "x" * 2_000}, headers=AUTHORIZED)
    assert response.status_code == 413
    assert response.get_json()["error"]["code"] == "request_too_large"


def test_a_body_that_breaks_off_borrows_nothing(house: House) -> None:
    response = house.client.post(URL, data=b"{}", headers=AUTHORIZED, environ_overrides={"CONTENT_LENGTH": "99"})
    assert response.get_json()["error"]["code"] == "incomplete_body"
    assert house.pool.started == []


def test_a_store_that_never_answered_is_a_503(house: House) -> None:
    house.pool.known = StoreUnavailable()
    response = house.client.post(URL, json=HI, headers=AUTHORIZED)
    assert response.status_code == 503
    assert response.get_json()["error"]["code"] == "store_unavailable"


def test_in_flight_answers_are_counted(house: House) -> None:
    house.pool.will(*answer("a", "b"))
    response = house.client.post(URL, json={**HI, "stream": True}, headers=AUTHORIZED, buffered=False)
    assert b"kimi_gateway_in_flight 1.0" in house.metrics.text()
    response.close()
    assert b"kimi_gateway_in_flight 0.0" in house.metrics.text()


def test_one_line_tells_all_of_a_request(house: House) -> None:
    house.pool.will(Silence(2), Text("Hello"), Finish("stop", Usage(3, 4)))
    with capture_logs() as logs:
        response = house.client.post(URL, json={**HI, "stream": True}, headers=AUTHORIZED)
        assert response.data.endswith(b"data: [DONE]\n\n")
        response.close()
    assert logs == [
        {
            "event": "request",
            "log_level": "info",
            "request_id": "req-abc123",
            "method": "POST",
            "route": URL,
            "status": 200,
            "outcome": "ok",
            "client": 1,
            "model": "kimi",
            "stream": True,
            "account": "alice",
            "kind": "kimi",
            "attempts": 1,
            "queue_seconds": 0.5,
            "first_event_seconds": 2.0,
            "total_seconds": 2.0,
            "events": 2,
            "prompt_tokens": 3,
            "completion_tokens": 4,
        }
    ]


def test_a_failed_request_is_one_line_as_well(house: House) -> None:
    house.pool.will(AllBusy())
    with capture_logs() as logs:
        house.client.post(URL, json={**HI, "stream": True}, headers=AUTHORIZED)
    assert [(line["status"], line["outcome"], line["account"]) for line in logs] == [
        (429, "rate_limit_exceeded", "alice")
    ]


def test_figures_of_an_answer(house: House) -> None:
    house.pool.will(Silence(2), Text("Hello"), Finish("stop", Usage(3, 4)))
    house.client.post(URL, json=HI, headers=AUTHORIZED)
    house.pool.will(Unreachable())
    house.client.post(URL, json=HI, headers=AUTHORIZED)
    text = house.metrics.text().decode()
    for line in (
        f'kimi_gateway_requests_total{{route="{URL}",status="200",stream="false"}} 1.0',
        f'kimi_gateway_requests_total{{route="{URL}",status="502",stream="false"}} 1.0',
        'kimi_gateway_failures_total{code="upstream_error"} 1.0',
        'kimi_gateway_tokens_total{direction="prompt"} 3.0',
        'kimi_gateway_tokens_total{direction="completion"} 4.0',
        'kimi_gateway_first_event_seconds_bucket{le="2.0"} 1.0',
        'kimi_gateway_first_event_seconds_bucket{le="1.0"} 0.0',
        "kimi_gateway_completion_seconds_count 2.0",
    ):
        assert line in text


def test_what_is_too_long_is_told_with_both_figures_before_anybody_is_asked(house: House) -> None:
    house.pool.known = replace(EVERYTHING, routes=frozenset({"kimi-classic"}))
    long = {**HI, "messages": [{"role": "user", "content": "x" * 200_001}]}
    response = house.client.post(URL, json=long, headers=AUTHORIZED)
    error = response.get_json()["error"]
    assert (response.status_code, response.headers["x-should-retry"]) == (400, "false")
    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")
    assert "maximum context length is 200000 characters" in error["message"]
    assert "resulted in 200001 characters" in error["message"]
    assert house.pool.started == []
    house.pool.known = replace(EVERYTHING, routes=frozenset({"kimi"}))
    house.clock.advance(3)
    house.pool.will(*answer("x"))
    assert house.client.post(URL, json=long, headers=AUTHORIZED).status_code == 200
    longer = {**HI, "messages": [{"role": "user", "content": "word " * 300_000}]}
    message = house.client.post(URL, json=longer, headers=AUTHORIZED).get_json()["error"]["message"]
    found = re.search(
        r"maximum context length is 262144 tokens. However, your messages resulted in about (\d+)", message
    )
    assert found and 280_000 < int(found[1]) < 320_000


@pytest.mark.parametrize(
    ("model", "status", "code", "told"),
    [
        ("kimi-research", 400, "invalid_value", "an account of kind kimi-classic"),
        ("kimi-k1", 404, "model_not_found", "`kimi-k1` does not exist"),
        ("gpt-4o", 404, "model_not_found", "`gpt-4o` does not exist"),
    ],
)
def test_what_no_account_can_do_is_told_at_once(house: House, model: str, status: int, code: str, told: str) -> None:
    house.pool.known = replace(EVERYTHING, routes=frozenset({"kimi", "kimi:SCENARIO_K2"}))
    response = house.client.post(URL, json={**HI, "model": model}, headers=AUTHORIZED)
    error = response.get_json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, "model")
    assert told in error["message"]
    assert house.pool.started == []


def test_what_accounts_have_only_just_got_is_found_at_once(house: House) -> None:
    house.pool.known = replace(EVERYTHING, routes=frozenset({"kimi"}))
    assert house.client.post(URL, json={**HI, "model": "kimi-k1"}, headers=AUTHORIZED).status_code == 404
    house.pool.known = replace(EVERYTHING, routes=frozenset({"kimi", "kimi-classic"}))
    for model in ("kimi-k1", "kimi-research"):
        house.pool.will(*answer("x"))
        assert house.client.post(URL, json={**HI, "model": model}, headers=AUTHORIZED).status_code == 200
        assert house.client.get(f"/v1/models/{model}", headers=AUTHORIZED).status_code == 200


def test_an_alias_answers_under_the_name_that_was_asked_for() -> None:
    house = House(kimi_model_aliases="gpt-4o=kimi-k2.6")
    house.pool.known = replace(EVERYTHING, routes=frozenset({"moonshot:kimi-k2.6"}))
    house.pool.will(*answer("x"))
    asked = {**HI, "model": "gpt-4o", "reasoning_effort": "high"}
    body = house.client.post(URL, json=asked, headers=AUTHORIZED).get_json()
    selection, chat, _ = house.pool.started[0]
    assert (body["model"], selection.model_for(Kind.MOONSHOT), chat.effort) == ("gpt-4o", "kimi-k2.6", "high")
    assert selection.routes == ("moonshot:kimi-k2.6",)
