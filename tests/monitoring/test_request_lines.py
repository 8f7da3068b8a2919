"""docs/logs.md against the lines that real requests leave, in both forms, at the most talkative level."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from devtools.waiting import until
from kimi.pool import Store, connect
from kimi.pool.clients import Clients
from tests.monitoring import documented
from tests.system.stack import KEY, Gateway, Stack

QUESTION, ANSWER = "what nobody may read", "nor this answer of mine"
QUESTIONS = [{"role": "user", "content": QUESTION}]
ALWAYS = {
    "timestamp", "level", "event", "logger", "request_id", "method", "route", "status", "outcome", "total_seconds"
}  # fmt: skip
ASKED = ALWAYS | {"client", "model", "stream"}
SEARCHED = ASKED | {"attempts", "queue_seconds", "account", "kind"}
BEGUN = SEARCHED | {"first_event_seconds", "events", "prompt_tokens", "completion_tokens"}
FAILED_OVER = {"failovers", "failed_accounts"}
TYPES = {
    "text": (str,), "number": (int, float), "list": (list,), "true or false": (bool,),
    "number or text": (int, str),
}  # fmt: skip
DOCUMENTED = {re.findall("`(.+)`", row[0])[0]: row[1] for row in documented.rows("logs.md", 4)}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two gateways, the second of which speaks to people, and whoever else works with them; all say what they can."""
    stack = Stack(tmp_path_factory.mktemp("logged"), workers=1, env={"LOG_LEVEL": "debug"})
    stack.gateways.append(stack.another_gateway("console"))
    stack.gateways[1].env["LOG_FORMAT"] = "console"
    stack.start(kimi=3)
    stack.simulator.settings(answer=ANSWER, event_delay=0.01)
    yield stack
    stack.stop()


def ask(
    stack: Stack, gateway: int = 0, key: str = KEY, model: str = "kimi", *, stream: bool = True
) -> requests.Response:
    return requests.post(
        f"{stack.gateways[gateway].url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": model, "stream": stream, "messages": QUESTIONS},
        timeout=60,
    )


def line_of(gateway: Gateway, request_id: str) -> dict[str, Any]:
    """The one line of that request."""

    def found() -> dict[str, Any] | None:
        lines = [json.loads(each) for each in gateway.lines if request_id in each]
        said = [each for each in lines if each["event"] == "request"]
        assert len(said) <= 1
        return said[0] if said else None

    line = until(found, what="the request is in the log")
    assert line is not None
    return line


def lines(stack: Stack, event: str, request_id: str) -> list[dict[str, Any]]:
    """Those of the first gateway that say `event` of that request."""
    said = map(json.loads, stack.gateway.lines)
    return [each for each in said if each["event"] == event and each.get("request_id") == request_id]


def line(stack: Stack, answer: requests.Response) -> dict[str, Any]:
    said = line_of(stack.gateway, answer.headers["x-request-id"])
    assert said["status"] == answer.status_code
    for name, value in said.items():
        assert isinstance(value, TYPES[DOCUMENTED[name]]), name
    return said


def test_every_field_is_one_of_these() -> None:
    assert set(DOCUMENTED) == BEGUN | FAILED_OVER | {"trace_id"}
    chinese = [re.findall("`(.+)`", row[0])[0] for row in documented.rows("logs.zh-CN.md", 4)]
    assert chinese == list(DOCUMENTED)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer(logged: Stack, stream: bool) -> None:
    answer = ask(logged, stream=stream)
    said = line(logged, answer)
    assert set(said) == BEGUN
    assert (said["event"], said["outcome"], said["level"], said["attempts"]) == ("request", "ok", "info", 1)
    assert (said["method"], said["route"], said["client"]) == ("POST", "/v1/chat/completions", 1)
    assert (said["model"], said["stream"], said["kind"]) == ("kimi", stream, "kimi")
    assert re.fullmatch(r"kimi-\d", said["account"])
    assert 0 <= said["queue_seconds"] <= said["first_event_seconds"] <= said["total_seconds"] < 60
    assert said["events"] > 1
    if not stream:
        usage = answer.json()["usage"]
        assert (said["prompt_tokens"], said["completion_tokens"]) == (
            usage["prompt_tokens"],
            usage["completion_tokens"],
        )


def test_a_key_that_was_created_goes_by_its_name(logged: Stack) -> None:
    with connect(logged.valkey.url) as redis:
        created = Clients(Store(redis)).create("the chat of our school")
    assert line(logged, ask(logged, key=created.key))["client"] == "the chat of our school"


def test_what_is_refused(logged: Stack) -> None:
    unknown = line(logged, ask(logged, model="no-such-model"))
    assert set(unknown) == ASKED and (unknown["status"], unknown["outcome"]) == (404, "model_not_found")
    stranger = line(logged, ask(logged, key="sk-nobody-knows-this"))
    assert set(stranger) == ALWAYS and stranger["outcome"] == "invalid_api_key"
    nowhere = line(logged, requests.get(f"{logged.url}/v1/nowhere", timeout=10))
    assert set(nowhere) == ALWAYS and nowhere["route"] == "none"
    wrongly = line(logged, requests.get(f"{logged.url}/v1/chat/completions", timeout=10))
    assert set(wrongly) == ALWAYS and (wrongly["status"], wrongly["route"]) == (405, "/v1/chat/completions")


@pytest.mark.parametrize(
    ("path", "words"),
    [("/v1/responses/input_tokens", {"input": QUESTION}), ("/v1/messages/count_tokens", {"messages": QUESTIONS})],
)
def test_words_that_are_counted(logged: Stack, path: str, words: dict[str, Any]) -> None:
    headers, body = {"Authorization": f"Bearer {KEY}"}, {"model": "kimi", **words}
    said = line(logged, requests.post(f"{logged.url}{path}", headers=headers, json=body, timeout=10))
    assert set(said) == ALWAYS | {"client", "model"} and (said["outcome"], said["model"]) == ("ok", "kimi")


def test_probes_are_for_those_who_want_to_know_all(logged: Stack) -> None:
    probe = line(logged, requests.get(f"{logged.url}/healthz", timeout=10))
    assert set(probe) == ALWAYS and probe["level"] == "debug"


def test_accounts_that_failed_unseen(logged: Stack) -> None:
    logged.simulator.fault("error", match={"endpoint": "chat"}, reason="overloaded")
    said = line(logged, ask(logged))
    assert set(said) == BEGUN | FAILED_OVER
    assert (said["attempts"], said["failovers"], said["outcome"]) == (2, ["Overloaded"], "ok")
    (failed,) = said["failed_accounts"]
    assert failed != said["account"]
    (rests,) = lines(logged, "an account rests", said["request_id"])
    assert rests["account"] == failed and rests["seconds"] > 0 and rests["reason"].startswith("Overloaded")


def test_where_nobody_answers_the_last_account_is_among_those_that_failed(logged: Stack) -> None:
    logged.simulator.fault("error", match={"endpoint": "chat"}, reason="overloaded", times=100)
    try:
        said = line(logged, ask(logged))
    finally:
        logged.simulator.forget_faults()
    assert len(said["failovers"]) == len(said["failed_accounts"]) == said["attempts"] > 1
    assert said["failed_accounts"][-1] == said["account"] and said["outcome"] != "ok"


def test_an_answer_that_breaks_off(logged: Stack) -> None:
    logged.simulator.fault("truncate", match={"endpoint": "chat"})
    said = line(logged, ask(logged))
    assert set(said) == BEGUN and (said["status"], said["outcome"]) == (200, "upstream_error")


def test_a_client_that_leaves(logged: Stack) -> None:
    logged.simulator.fault("hang", match={"endpoint": "chat"}, texts=2)
    with logged.chat(QUESTION, stream=True) as answer:
        assert answer.raw.read(1)
    said = line(logged, answer)
    assert set(said) == BEGUN and said["outcome"] == "client_gone"


def test_answers_from_memory(logged: Stack) -> None:
    until(lambda: ask(logged).ok)
    logged.valkey.kill()
    try:
        said = line(
            logged, until(lambda: (answer := ask(logged)).ok and answer, what="it goes on from memory") or ask(logged)
        )
        assert set(said) - FAILED_OVER == BEGUN and said["outcome"] == "ok"
    finally:
        logged.valkey.start()
        until(lambda: "Redis is back" in logged.gateway.said and logged.ready(), what="Redis is back")


def test_people_have_one_short_line(logged: Stack) -> None:
    console = logged.gateways[1]
    good, bad = ask(logged, 1), ask(logged, 1, model="no-such-model")
    assert good.ok
    found = until(lambda: re.findall(r"^[^\[\n]*no-such-model.*$", console.said, re.MULTILINE), what="it is said")
    (refused,) = found
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d 404 POST /v1/chat/completions        no-such-model       - +0\.\d\d s +"
        rf"model_not_found  client 1  {bad.headers['x-request-id']}",
        refused,
    )
    served = re.findall(r"^.* 200 POST /v1/chat.*$", console.said, re.MULTILINE)[-1]
    columns = r"\d\d:\d\d:\d\d 200 POST /v1/chat/completions        kimi                kimi-\d "
    assert re.match(columns + r" +\d+\.\d\d s, first \d+\.\d\d s    ok", served)
    at_ease = re.sub(r"  queued \d+\.\d\d s", "", served)  # a busy machine lets it wait
    assert len(at_ease) < 130 and "{" not in served and served.index("ok") == refused.index("model_not_found")


def test_every_line_says_something(logged: Stack) -> None:
    until(lambda: "a connection is closed, nothing is under way on it" in logged.gateway.said, what="one is closed")
    events = {json.loads(each)["event"] for each in logged.gateway.lines}
    assert not [event for event in events if event.rstrip().endswith(":") or not event]


def test_nothing_secret_is_said_by_anybody(logged: Stack) -> None:
    accounts = logged.simulator.control("GET", "accounts")
    secrets = [KEY, "sk-nobody", "sk-kimi-", "eyJ", QUESTION, ANSWER, *(each["refresh_token"] for each in accounts)]
    for process in (*logged.gateways, logged.refresher):
        assert "debug" in process.said
        assert not [secret for secret in secrets if secret in process.said], process.name
