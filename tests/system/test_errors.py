"""Every row of the error table, brought about in the real processes."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import openai
import pytest
import requests

from devtools.waiting import until
from tests.system.stack import KEY, Stack

StartStack = Callable[..., Stack]

KIMI, OFFICIAL = "kimi", "kimi-k2.7-code"
NEVER = ("credit", "balance", "permission denied", "quota", "forbidden", "organization has been")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose gateway has little patience: two accounts of the web chat and an official key."""
    stack = Stack(
        tmp_path_factory.mktemp("errors"),
        workers=1,  # each has a breaker of its own
        env={
            "GATEWAY_QUEUE_SECONDS": "0.5",
            "GATEWAY_MAX_BODY_MB": "0.1",
            "KIMI_FIRST_BYTE_SECONDS": "1",
            "KIMI_IDLE_SECONDS": "1",
        },
    )
    stack.start(kimi=2, moonshot=1)
    yield stack
    stack.stop()


@pytest.fixture
def house(strict: Stack) -> Iterator[Stack]:
    """That stack; afterwards nothing of the test's requests may be left anywhere, and every account has rested.

    An answer also ends the row of failures after which the upstreams would be left alone.
    """
    yield strict
    strict.simulator.forget_faults()
    for model in (KIMI, OFFICIAL):
        until(lambda model=model: strict.chat(model=model).ok, seconds=30, what=f"{model} is served")  # type: ignore[misc]
    until(strict.settled, what="every stream is closed and every chat deleted")


def failing(house: Stack, what: str, **args: Any) -> None:
    """From now on all chats fail like this."""
    house.simulator.fault(what, times=None, match={"endpoint": "chat"}, **args)


def assert_error(response: requests.Response, status: int, kind: str, code: str, param: str | None = None) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json"), response.text
    (only,) = response.json().items()
    assert only[0] == "error"
    message = only[1].pop("message")
    assert only[1] == {"type": kind, "code": code, "param": param}
    assert message and not any(word in message.lower() for word in NEVER)
    assert KEY not in response.text
    assert response.headers["x-request-id"]
    if status in (429, 503):
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert 0 < int(response.headers["retry-after-ms"]) <= 60_000


def test_one_failing_account_is_not_seen(start_stack: StartStack) -> None:
    reasons = ["overloaded", "busy", "spent", "plan", "unavailable", "invalid_token", "banned"]
    stack = start_stack({"kimi": len(reasons)})
    for reason in reasons:
        stack.simulator.fault("error", reason=reason, where="http", match={"endpoint": "chat"})
        assert stack.chat(model=KIMI).status_code == 200, reason
    assert [fault["left"] for fault in stack.simulator.state()["faults"]] == [0] * len(reasons)


def test_all_accounts_busy(house: Stack) -> None:
    house.simulator.fault("stall", times=2, seconds=0.8, texts=1, match={"endpoint": "chat"})
    with ExitStack() as streams:
        pieces = [streams.enter_context(house.chat(model=KIMI, stream=True)).iter_content(None) for _ in range(2)]
        assert all(next(piece) for piece in pieces)  # who lets go of them has left
        assert_error(house.chat(model=KIMI), 429, "rate_limit_error", "rate_limit_exceeded")


def test_all_accounts_cooling_down(house: Stack) -> None:
    failing(house, "error", reason="overloaded", where="http")
    assert_error(house.chat(model=OFFICIAL), 429, "rate_limit_error", "rate_limit_exceeded")
    house.simulator.forget_faults()
    again = house.chat(model=OFFICIAL)
    assert_error(again, 429, "rate_limit_error", "rate_limit_exceeded")
    assert again.elapsed.total_seconds() < 0.4  # it is known that waiting is of no use
    until(lambda: house.chat(model=OFFICIAL).status_code == 200, seconds=20, what="the account has cooled down")


def test_no_usable_account(house: Stack) -> None:
    failing(house, "error", reason="plan", where="http")
    for _ in range(2):  # the accounts refuse the model, and then it is known that they do
        assert_error(house.chat(model="kimi-k2.5"), 503, "service_unavailable", "no_available_account")


def test_a_model_of_accounts_that_nobody_has_configured(house: Stack) -> None:
    assert_error(house.chat(model="kimi-k1"), 404, "invalid_request_error", "model_not_found", "model")
    assert_error(house.chat(model="kimi-research"), 400, "invalid_request_error", "invalid_value", "model")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("what", "args", "code"),
    [
        ("reset", {}, "upstream_error"),
        ("close", {}, "upstream_error"),
        ("http", {"status": 502}, "upstream_error"),
        ("broken_body", {}, "upstream_error"),
        ("wrong_type", {}, "upstream_error"),
        ("empty", {}, "upstream_error"),
        ("truncate", {"at": "start"}, "upstream_error"),
        ("hang", {}, "upstream_timeout"),
    ],
)
def test_trouble_at_kimi(house: Stack, what: str, args: dict[str, Any], code: str, *, stream: bool) -> None:
    failing(house, what, **args)
    assert_error(house.chat(model=KIMI, stream=stream), 502, "server_error", code)


@pytest.mark.parametrize(
    ("what", "args", "code"),
    [
        ("truncate", {"at": "middle"}, "upstream_error"),
        ("truncate", {"at": "frame"}, "upstream_error"),
        ("no_end", {}, "upstream_error"),
        ("hang", {"texts": 2}, "upstream_timeout"),
        ("retract", {}, "content_filter"),
    ],
)
def test_a_failure_after_the_first_byte_ends_the_stream_with_the_error(
    house: Stack, what: str, args: dict[str, Any], code: str
) -> None:
    failing(house, what, **args)
    response = house.chat(model=KIMI, stream=True)
    assert response.status_code == 200
    *_, last, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunk = json.loads(last.removeprefix("data: "))
    assert chunk["object"] == "chat.completion.chunk"
    assert chunk["choices"] == []
    assert chunk["usage"]["total_tokens"] > 0
    assert chunk["error"]["code"] == code
    assert set(chunk["error"]) == {"message", "type", "code", "param"}
    assert '"finish_reason":"' not in response.text
    with house.client() as client, pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=KIMI, messages=[{"role": "user", "content": "x"}], stream=True))


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b'{"model": "kimi"}', "invalid_value", "messages"),
        (b'{"model": 5, "messages": []}', "invalid_value", "model"),
        (b'{"model": "kimi", "messages": [{"role": "robot"}]}', "invalid_value", "messages[0].role"),
    ],
)
def test_bad_input(house: Stack, body: bytes, code: str, param: str | None) -> None:
    response = requests.post(
        f"{house.url}/v1/chat/completions", data=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=30
    )
    assert_error(response, 400, "invalid_request_error", code, param)


@pytest.mark.parametrize(
    ("model", "what", "args", "code"),
    [
        (OFFICIAL, "content_filter", {}, "content_filter"),
        (KIMI, "error", {"reason": "too_long", "where": "http"}, "context_length_exceeded"),
        (OFFICIAL, "error", {"reason": "too_long", "where": "http"}, "context_length_exceeded"),
    ],
)
def test_refused_by_kimi(house: Stack, model: str, what: str, args: dict[str, Any], code: str) -> None:
    failing(house, what, **args)
    response = house.chat(model=model)
    param = "messages" if code == "context_length_exceeded" else None
    assert_error(response, 400, "invalid_request_error", code, param)
    assert response.headers["x-should-retry"] == "false"


def test_unknown_model(house: Stack) -> None:
    assert_error(house.chat(model="gpt-4"), 404, "invalid_request_error", "model_not_found", "model")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"x-api-key": "wrong"}])
def test_unknown_client_key(house: Stack, headers: dict[str, str]) -> None:
    response = requests.post(f"{house.url}/v1/chat/completions", json={}, headers=headers, timeout=30)
    assert_error(response, 401, "invalid_request_error", "invalid_api_key")


def test_body_too_large(house: Stack) -> None:
    assert_error(house.chat("x" * 200_000), 413, "invalid_request_error", "request_too_large")


def test_nothing_there_and_wrong_method(house: Stack) -> None:
    assert_error(requests.get(f"{house.url}/nowhere", timeout=30), 404, "invalid_request_error", "not_found")
    assert_error(
        requests.get(f"{house.url}/v1/chat/completions", timeout=30), 405, "invalid_request_error", "method_not_allowed"
    )


def test_without_redis_and_without_a_memory_of_it_the_gateway_says_so_and_comes_back(start_stack: StartStack) -> None:
    stack = start_stack({"kimi": 1}, env={"GATEWAY_QUEUE_SECONDS": "0.5"})

    def is_remembered() -> bool:
        with stack.valkey.silent():
            return stack.chat(model=KIMI).status_code == 200

    until(is_remembered, what="a worker has heard of the account and its token")
    stack.valkey.kill()
    until(lambda: stack.chat(model=KIMI).status_code == 200, what="the worker with a memory is asked")
    before = set(stack.workers_pids())
    stack.gateway.send(signal.SIGHUP)
    until(lambda: not set(stack.workers_pids()) & before, seconds=20, what="workers that never saw Redis")
    until(lambda: not stack.ready(), what="they are at work")
    assert_error(stack.chat(model=KIMI), 503, "service_unavailable", "store_unavailable")
    stack.valkey.start()
    until(lambda: stack.chat(model=KIMI).status_code == 200, seconds=20, what="it serves again")
