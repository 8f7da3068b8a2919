from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from kimi.chat import Attachment, Feature, Limits
from kimi.errors import AllBusy, FileRefused, NoAccount, PromptTooLong, Unreachable, UpstreamTimeout
from kimi.events import Finish, Text, Usage
from tests.gateway.fakes import AUTHORIZED, KEY, House, Silence, answer
from tests.gateway.messages.reading import kinds, read

URL = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
HI: dict[str, Any] = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
THEIRS = {"x-api-key": KEY, "anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07"}


@pytest.fixture
def house() -> House:
    return House(kimi_claude_model="kimi-k2.6-thinking", gateway_max_body_mb=0.01)


def test_a_whole_message(house: House) -> None:
    house.pool.will(Silence(2), Text("Hel"), Text("lo"), Finish("stop", Usage(1, 2)))
    response = house.client.post(f"{URL}?beta=true", json=HI, headers=THEIRS)
    assert (response.status_code, response.content_type) == (200, "application/json")
    body = response.get_json()
    assert (body["id"], body["model"]) == ("msg_abc123", "claude-sonnet-4-5")
    assert body["content"] == [{"type": "text", "text": "Hello", "citations": None}]
    assert response.headers["request-id"] == response.headers["x-request-id"] == "req-abc123"
    assert house.pool.last.closed == 1


def test_a_streamed_message(house: House) -> None:
    house.pool.will(*answer("Hel", "lo"))
    response = house.client.post(URL, json={**HI, "stream": True}, headers=AUTHORIZED)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["request-id"] == "req-abc123"
    told = read(response.data)
    assert kinds(told)[0] == "message_start" and kinds(told)[-1] == "message_stop"
    assert told[0]["message"]["usage"]["input_tokens"] > 0
    response.close()
    assert house.pool.last.closed == 1


def test_the_question_goes_on_as_it_was_understood(house: House) -> None:
    house.pool.will(*answer("x"))
    thinking = {"type": "enabled", "budget_tokens": 1_024}
    house.client.post(URL, json={**HI, "thinking": thinking, "stop_sequences": ["END"]}, headers=THEIRS)
    selection, chat, _ = house.pool.started[0]
    assert (selection.base, *selection.features) == ("kimi-k2.6", Feature.THINKING)
    assert (chat.limits, chat.effort) == (Limits(9, ("END",)), "low")
    assert chat.body["thinking"] == {"type": "enabled"}


def test_names_of_kimi_are_themselves(house: House) -> None:
    house.pool.will(*answer("x"))
    house.client.post(URL, json={**HI, "model": "kimi-official"}, headers=THEIRS)
    assert house.pool.started[0][0].base == "kimi-official"


def test_the_log_has_the_clients_name_of_the_model(house: House) -> None:
    house.pool.will(*answer("x"))
    with capture_logs() as logs:
        house.client.post(URL, json=HI, headers=THEIRS)
    assert [(line["route"], line["model"], line["outcome"]) for line in logs] == [(URL, HI["model"], "ok")]


@pytest.mark.parametrize("path", ["/messages", "/v1/v1/messages", "/v1/messages/", "/v1//messages"])
def test_other_ways_to_write_the_path(house: House, path: str) -> None:
    house.pool.will(*answer("x"))
    assert house.client.post(path, json=HI, headers=THEIRS).status_code == 200


def problem(response: Any) -> tuple[int, str, str]:
    """Status, type and text of an error in Anthropic's shape."""
    body = response.get_json()
    assert body.keys() == {"type", "error", "request_id"}
    assert (body["type"], body["request_id"]) == ("error", response.headers["request-id"])
    return response.status_code, body["error"]["type"], body["error"]["message"]


@pytest.mark.parametrize("path", [URL, COUNT])
@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        ({"json": {**HI, "messages": 7}}, (400, "invalid_request_error"), "messages: "),
        ({"data": b"{"}, (400, "invalid_request_error"), "not valid JSON"),
        ({"data": b"[]"}, (400, "invalid_request_error"), "JSON object"),
        ({"data": b"x" * 20_000}, (413, "request_too_large"), "larger"),
    ],
)
def test_what_is_wrong_with_a_request(
    house: House, path: str, body: dict[str, Any], error: tuple[int, str], text: str
) -> None:
    found = problem(house.client.post(path, headers=THEIRS, **body))
    assert found[:2] == error
    assert text in found[2]


@pytest.mark.parametrize("path", [URL, COUNT])
def test_a_key_is_needed(house: House, path: str) -> None:
    assert problem(house.client.post(path, json=HI, headers={"x-api-key": "no"}))[:2] == (401, "authentication_error")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", URL, 405, "invalid_request_error"),
        ("DELETE", COUNT, 405, "invalid_request_error"),
        ("POST", f"{URL}/batches", 404, "not_found_error"),
    ],
)
def test_what_is_not_there(house: House, method: str, path: str, status: int, kind: str) -> None:
    assert problem(house.client.open(path, method=method, headers={"x-api-key": KEY}))[:2] == (status, kind)


def test_an_unknown_model_is_not_found(house: House) -> None:
    found = problem(house.client.post(URL, json={**HI, "model": "gpt-4"}, headers=THEIRS))
    assert found[:2] == (404, "not_found_error") and "gpt-4" in found[2]


def test_an_address_that_is_none_is_named_by_its_place(house: House) -> None:
    shown = {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "ftp://x.example/a.png"}}]}
    found = problem(house.client.post(URL, json={**HI, "messages": [shown]}, headers=THEIRS))
    assert found[:2] == (400, "invalid_request_error")
    assert found[2].startswith("messages.0.content.0.source.url: ")


def test_a_request_that_lacks_its_limit(house: House) -> None:
    body = {name: value for name, value in HI.items() if name != "max_tokens"}
    assert problem(house.client.post(URL, json=body, headers=THEIRS))[2].startswith("max_tokens: ")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (AllBusy(retry_after=7), 429, "rate_limit_error"),
        (NoAccount(), 529, "overloaded_error"),
        (Unreachable(), 502, "api_error"),
        (UpstreamTimeout(), 504, "timeout_error"),
        (PromptTooLong(size=3, limit=2), 400, "invalid_request_error"),
        (ZeroDivisionError(), 500, "api_error"),
    ],
)
def test_a_failure_before_the_first_event_is_a_status(
    house: House, error: Exception, status: int, kind: str, *, stream: bool
) -> None:
    house.pool.will(error)
    response = house.client.post(URL, json={**HI, "stream": stream}, headers=THEIRS)
    assert problem(response)[:2] == (status, kind)
    assert ("retry-after" in response.headers) == (status in (429, 529))
    assert house.pool.last.closed == 1


def test_a_failure_after_the_first_event_ends_the_stream(house: House) -> None:
    house.pool.will(Text("a"), Unreachable())
    response = house.client.post(URL, json={**HI, "stream": True}, headers=THEIRS)
    assert response.status_code == 200
    assert read(response.data)[-1] == {
        "type": "error",
        "error": {"type": "api_error", "message": "The connection to Kimi could not be made, or it broke."},
    }


def test_a_file_that_cannot_be_had_is_named_by_its_place_in_the_request(house: House) -> None:
    shown = {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}
    asked = {"role": "user", "content": [{"type": "text", "text": "?"}, shown]}
    body = {**HI, "system": "Be brief.", "messages": [asked]}
    house.pool.will(FileRefused("could not be fetched", param="messages[1].content[1]"))
    found = problem(house.client.post(URL, json=body, headers=THEIRS))
    assert house.pool.started[0][1].messages[1].attachments == (
        Attachment("https://x.example/a.png", "messages[1].content[1]", "", True),
    )
    assert found[2].startswith("messages.0.content.1: ")


def test_silence_is_bridged(house: House) -> None:
    house.pool.will(Silence(40), Text("H"), Silence(11), Text("a"), Finish("stop"))
    response = house.client.post(URL, json={**HI, "stream": True}, headers=THEIRS)
    told = kinds(read(response.data))
    assert told[:2] == ["message_start", "ping"] and told.count("message_start") == 1
    assert "ping" in told[told.index("content_block_delta") : told.index("content_block_stop")]


def test_tokens_are_counted_without_an_answer(house: House) -> None:
    asked = {"model": "claude-sonnet-4-5", "messages": HI["messages"]}
    few = house.client.post(COUNT, json=asked, headers=THEIRS).get_json()
    many = house.client.post(COUNT, json={**asked, "system": "Be brief. " * 100}, headers=THEIRS).get_json()
    assert few.keys() == {"input_tokens"}
    assert 0 < few["input_tokens"] < many["input_tokens"] - 100
    look = {"name": "look", "description": "Looks. " * 50, "input_schema": {"type": "object"}}
    offered = house.client.post(COUNT, json={**asked, "tools": [look]}, headers=THEIRS).get_json()
    assert offered["input_tokens"] > few["input_tokens"] + 50
    house.pool.will(*answer("x"))
    message = house.client.post(URL, json=HI, headers=THEIRS).get_json()
    assert message["usage"]["input_tokens"] == few["input_tokens"]
    assert len(house.pool.started) == 1


def test_models_are_listed_for_its_clients_in_its_shape(house: House) -> None:
    listed = house.client.get("/v1/models?limit=1000", headers=THEIRS).get_json()
    names = [model["id"] for model in listed["data"]]
    assert {"kimi", "kimi-official"} <= set(names)
    assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, names[0], names[-1])
    assert "object" in house.client.get("/v1/models", headers=AUTHORIZED).get_json()


@pytest.mark.parametrize("name", ["kimi", "claude-sonnet-4-5"])
def test_a_model_can_be_looked_up(house: House, name: str) -> None:
    found = house.client.get(f"/v1/models/{name}", headers=THEIRS).get_json()
    assert (found["type"], found["id"]) == ("model", name)


def test_a_model_that_is_not_there(house: House) -> None:
    assert problem(house.client.get("/v1/models/gpt-4", headers=THEIRS))[:2] == (404, "not_found_error")
    assert house.client.get("/v1/models/claude-sonnet-4-5", headers=AUTHORIZED).status_code == 404


def test_clients_of_openai_have_errors_of_their_own(house: House) -> None:
    response = house.client.get("/v1/models", headers={"x-api-key": "no"})
    assert response.get_json()["error"]["code"] == "invalid_api_key"
    assert "request-id" not in response.headers


def test_what_is_openais_alone_is_told_in_its_shape_whatever_a_proxy_sends_along(house: House) -> None:
    response = house.client.post("/v1/chat/completions", json={}, headers=THEIRS)
    assert response.get_json()["error"]["param"] == "model"
    assert problem(house.client.post("/v1/files", headers=THEIRS))[:2] == (404, "not_found_error")
