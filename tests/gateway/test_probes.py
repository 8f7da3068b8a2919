"""What common front ends ask before they ask anything, and what they make of the answers.

Each follows the client's own source: paths, headers, bodies, and the fields that it reads.
"""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from werkzeug.test import TestResponse

from kimi.errors import AllBusy, UpstreamTimeout
from kimi.events import Finish, Text, Thinking
from tests.gateway.fakes import AUTHORIZED, KEY, House, answer

CHAT = "/v1/chat/completions"
BEARER = f"Bearer {KEY}"
TEST = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def house() -> House:
    return House()


def preflight(house: House, path: str, method: str, *headers: str) -> TestResponse:
    """What a browser asks on behalf of a page from elsewhere."""
    return house.client.options(
        path,
        headers={
            "Origin": "https://chat.example",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": ",".join(headers),
        },
    )


def allows(response: TestResponse, method: str, *headers: str) -> bool:
    """Whether a browser goes on after this."""
    told = response.headers
    methods = {each.strip() for each in told["access-control-allow-methods"].split(",")}
    allowed = {each.strip().lower() for each in told["access-control-allow-headers"].split(",")}
    is_open = response.status_code in range(200, 300) and told["access-control-allow-origin"] == "*"
    return is_open and method in methods and {header.lower() for header in headers} <= allowed


NEXTCHAT = ("accept", "authorization", "content-type")
STAINLESS = tuple(
    f"x-stainless-{name}"
    for name in ("arch", "lang", "os", "package-version", "retry-count", "runtime", "runtime-version", "timeout")
)


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        (CHAT, "POST", NEXTCHAT),
        ("/v1/models", "GET", NEXTCHAT),
        ("/dashboard/billing/usage", "GET", NEXTCHAT),
        ("/dashboard/billing/subscription", "GET", NEXTCHAT),
        # lobe-chat's runtime in the browser is openai-node
        (CHAT, "POST", ("authorization", "content-type", *STAINLESS)),
        ("/v1/models", "GET", ("authorization", *STAINLESS)),
        # Open WebUI's direct connections
        ("/v1/models", "GET", ("authorization", "content-type")),
        (CHAT, "POST", ("authorization", "content-type")),
        # Anthropic's client in a browser
        ("/v1/messages", "POST", ("anthropic-dangerous-direct-browser-access", "anthropic-version", "x-api-key")),
        ("/v1/completions", "POST", NEXTCHAT),
        ("/v1/embeddings", "POST", NEXTCHAT),
    ],
)
def test_preflights_of_browsers(house: House, path: str, method: str, headers: tuple[str, ...]) -> None:
    response = preflight(house, path, method, *headers)
    assert allows(response, method, *headers)
    assert "access-control-allow-credentials" not in response.headers  # which no browser takes beside a star


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_no_page_reads_what_needs_no_key_and_is_for_the_operator(house: House, path: str) -> None:
    for reply in (house.client.get(path), preflight(house, path, "GET")):
        assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("path", ["/v1/models", CHAT, "/v1/embeddings"])
def test_a_page_can_read_what_went_wrong(house: House, path: str) -> None:
    response = house.client.post(path, json={}, headers={"Origin": "https://chat.example"})
    assert response.status_code >= 400
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.get_json()["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/", "/v1//models", "/models", "/v1/v1/models", "/models?user=u"]
)
def test_models_are_listed_at_once_and_without_an_account(house: House, path: str) -> None:
    """LibreChat gives it 5 s, Open WebUI 10; lobe-chat reads `created` as a number, and all of them `data[].id`."""
    began = time.monotonic()
    response = house.client.get(path, headers={"Authorization": BEARER})
    assert time.monotonic() - began < 5
    listed = response.get_json()
    assert listed["object"] == "list"
    assert "kimi" in [each["id"] for each in listed["data"]]
    assert all(isinstance(each["created"], int) for each in listed["data"])
    assert house.pool.started == []


def test_lobe_chat_hides_no_model_of_ours(house: House) -> None:
    hidden = ("embedding", "davinci", "curie", "moderation", "ada", "babbage", "tts", "whisper", "dall-e")
    listed = house.client.get("/v1/models", headers=AUTHORIZED).get_json()["data"]
    assert [each["id"] for each in listed if any(word in each["id"].lower() for word in hidden)] == []


@pytest.mark.parametrize("path", ["/", "/v1", "/healthz", "/v1/models", "/docs", CHAT])
def test_a_head_is_answered_like_a_get_without_its_body(house: House, path: str) -> None:
    head, get = (house.client.open(path, method=method, headers=AUTHORIZED) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content_type, head.data) == (get.status_code, get.content_type, b"")


def test_nextchat_reads_what_was_used(house: House) -> None:
    headers = {"Authorization": BEARER, "Content-Type": "application/json", "Accept": "application/json"}
    used = house.client.get("/dashboard/billing/usage?start_date=2026-11-01&end_date=2026-11-22", headers=headers)
    limit = house.client.get("/dashboard/billing/subscription", headers=headers)
    assert used.status_code == limit.status_code == 200
    assert isinstance(used.get_json()["total_usage"], float) and "error" not in used.get_json()
    assert limit.get_json()["hard_limit_usd"] > 0


@pytest.mark.parametrize(
    "fields",
    [
        # NextChat: its summary and its title
        {"stream": False, "temperature": 0.5, "presence_penalty": 0, "frequency_penalty": 0, "top_p": 1},
        # Open WebUI: title, tags and follow-ups
        {"stream": False, "max_completion_tokens": 1000, "metadata": {"task": "title_generation"}},
        # LibreChat
        {"temperature": 0.2, "presence_penalty": 0, "frequency_penalty": 0, "max_tokens": 75, "user": "u"},
    ],
)
def test_titles_come_without_a_stream(house: House, fields: dict[str, Any]) -> None:
    house.pool.will(Thinking("hm"), Text("Greetings"), Finish("stop"))
    body = {"model": "kimi", "messages": [{"role": "system", "content": "Give a title."}, *TEST["messages"]], **fields}
    response = house.client.post(CHAT, json=body, headers={**AUTHORIZED, "Accept": "application/json"})
    assert response.content_type == "application/json"
    assert response.get_json()["choices"][0]["message"]["content"] == "Greetings"


def test_nextchat_takes_nothing_for_a_stream_but_an_event_stream(house: House) -> None:
    house.pool.will(*answer("Hel", "lo"))
    body = {"model": "kimi", **TEST, "stream": True}
    response = house.client.post(CHAT, json=body, headers={**AUTHORIZED, "Accept": "application/json"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    "body",
    [
        {"model": "kimi", "max_tokens": 1, "messages": TEST["messages"]},  # one-api
        {"model": "kimi", "stream": False, "max_tokens": 16, "messages": TEST["messages"]},  # new-api
        {"model": "kimi-thinking", "stream": False, "max_tokens": 50, "messages": TEST["messages"]},
    ],
)
def test_the_test_of_a_channel_sees_tokens_and_no_error(house: House, body: dict[str, Any]) -> None:
    house.pool.will(Text("H"), Finish("length"))
    answered = house.client.post(CHAT, json=body, headers=AUTHORIZED).get_json()
    assert answered["usage"]["completion_tokens"] > 0 and answered["usage"]["prompt_tokens"] > 0
    assert answered.get("error") is None
    assert answered["choices"][0]["message"]["content"] == "H"


def test_the_streamed_test_of_a_channel(house: House) -> None:
    house.pool.will(*answer("Hi"))
    body = {"model": "kimi", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 16, **TEST}
    data = house.client.post(CHAT, json=body, headers=AUTHORIZED).data
    payloads = [line.removeprefix(b"data: ") for line in data.split(b"\n") if line.startswith(b"data: {")]
    told = [orjson.loads(payload) for payload in payloads]
    assert not any("error" in each for each in told)
    assert told[-1]["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("error", [AllBusy(retry_after=3), UpstreamTimeout()])
def test_a_failed_test_of_a_channel_is_no_reason_to_switch_it_off(house: House, error: Exception) -> None:
    """one-api and new-api switch off at a 401 and at certain words; a 429 or 502 is tried again elsewhere."""
    house.pool.will(error)
    response = house.client.post(CHAT, json={"model": "kimi", "max_tokens": 1, **TEST}, headers=AUTHORIZED)
    assert response.status_code in {429, 502}
    assert response.get_json()["error"]["type"] not in {"insufficient_quota", "authentication_error", "forbidden"}


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions/", "/v1/v1/chat/completions", "/chat/completions", "/v1//chat/completions"]
)
def test_base_urls_with_too_much_or_too_little(house: House, path: str) -> None:
    house.pool.will(*answer("x"))
    assert house.client.post(path, json={"model": "kimi", **TEST}, headers=AUTHORIZED).status_code == 200


def test_open_webui_sends_headers_of_its_own(house: House) -> None:
    house.pool.will(*answer("x"))
    own = {"X-OpenWebUI-User-Name": "Ada%20L", "X-OpenWebUI-User-Id": "1", "X-OpenWebUI-Chat-Id": "2"}
    response = house.client.post(CHAT, json={"model": "kimi", **TEST}, headers={**AUTHORIZED, **own})
    assert response.status_code == 200
