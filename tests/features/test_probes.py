"""What front ends ask before they ask anything, of a running gateway over HTTP; see tests/gateway/test_probes.py."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.features.asking import answers
from tests.system.stack import KEY, Stack

HI: dict[str, Any] = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}]}
BEARER = {"Authorization": f"Bearer {KEY}"}


def call(house: Stack, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, f"{house.url}{path}", timeout=30, **options)


@pytest.mark.parametrize("path", ["/v1/models", "/models/", "/v1/v1/models"])
def test_models_are_there_within_seconds(house: Stack, path: str) -> None:
    began = time.monotonic()
    listed = call(house, "GET", path, headers=BEARER).json()
    assert "kimi" in [model["id"] for model in listed["data"]]
    assert time.monotonic() - began < 5


def test_a_head_leaves_the_connection_in_order(house: Stack) -> None:
    address = urlsplit(house.url)
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port, timeout=30)
    try:
        for path, status in (("/v1/models", 200), ("/", 404), ("/v1/chat/completions", 405), ("/v1/models", 200)):
            connection.request("HEAD", path, headers=BEARER)
            reply = connection.getresponse()
            assert (reply.status, reply.read()) == (status, b"")
    finally:
        connection.close()


def test_a_browser_may_ask_and_read(house: Stack) -> None:
    wishes = "authorization,content-type,x-stainless-os,x-stainless-retry-count"
    headers = {"Origin": "https://chat.example", "Access-Control-Request-Headers": wishes}
    reply = call(house, "OPTIONS", "/v1/chat/completions", headers=headers)
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers["access-control-allow-headers"] == wishes
    reply = call(house, "POST", "/v1/embeddings", json={}, headers={**BEARER, "Origin": "https://chat.example"})
    assert reply.status_code == 404 and reply.headers["access-control-allow-origin"] == "*"
    assert "POST /v1/chat/completions" in reply.json()["error"]["message"]


def test_titles_come_as_one_body(house: Stack) -> None:
    answers(house, "Greetings")
    body = {**HI, "stream": False, "temperature": 0.5, "presence_penalty": 0, "frequency_penalty": 0, "top_p": 1}
    reply = call(house, "POST", "/v1/chat/completions", json=body, headers={**BEARER, "Accept": "application/json"})
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["choices"][0]["message"]["content"] == "Greetings"


@pytest.mark.parametrize(("model", "most"), [("kimi", 1), ("kimi", 16), ("kimi-thinking", 50)])
def test_a_channel_is_tested(house: Stack, model: str, most: int) -> None:
    began = time.monotonic()
    body = {**HI, "model": model, "max_tokens": most}
    reply = call(house, "POST", "/v1/v1/chat/completions/", json=body, headers=BEARER)
    assert time.monotonic() - began < 5
    assert reply.status_code == 200 and reply.json()["usage"]["completion_tokens"] > 0


def test_something_is_left(house: Stack) -> None:
    used = call(house, "GET", "/dashboard/billing/usage?start_date=2026-11-01&end_date=2026-11-30", headers=BEARER)
    limit = call(house, "GET", "/v1/dashboard/billing/subscription", headers=BEARER)
    assert limit.json()["hard_limit_usd"] > used.json()["total_usage"] / 100
