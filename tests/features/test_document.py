"""The examples of the API document, put to a running gateway: what comes back is what the document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import orjson
import pytest
import requests

from gateway.openapi import document
from gateway.openapi_words import EVENT_SCHEMA
from gateway.standings import ANTHROPIC, OPENAI, names
from tests.system.stack import KEY, Stack

API: Final = document()
HI: Final = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}], "input": "hi", "max_tokens": 900}
FORMS: Final = {
    "application/json": "json",
    "application/x-www-form-urlencoded": "data",
    "multipart/form-data": "files",
}
"""How `requests` sends a body of that type."""


def _questions() -> Iterator[Any]:
    for path, methods in API["paths"].items():
        for method, operation in methods.items() if not path.startswith("/admin") else ():  # which has its own tests
            content = operation.get("requestBody", {}).get("content", {})
            if not content:
                yield pytest.param(path, method, None, None, id=f"{method} {path}")
            for kind, media in content.items():
                for name, example in media["examples"].items():
                    yield pytest.param(path, method, kind, example["value"], id=f"{path} {name} {FORMS[kind]}")


def complaints(schema: dict[str, Any], value: Any) -> list[str]:
    checker = jsonschema_rs.Draft202012Validator({**schema, "components": API["components"]})
    return [f"{list(error.instance_path)}: {error.message}" for error in checker.iter_errors(value)]


def put(house: Stack, path: str, method: str, kind: str | None = None, body: Any = None) -> requests.Response:
    """The answer to an example, which is held against the document."""
    operation = API["paths"][path][method]
    for parameter in operation.get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "")))
    sent: dict[str, Any] = {} if kind is None else {FORMS[kind]: _multipart(body) if FORMS[kind] == "files" else body}
    answer = requests.request(
        method, f"{house.url}{path}", headers={"Authorization": f"Bearer {KEY}"}, timeout=60, **sent
    )
    documented = operation["responses"][str(answer.status_code)]
    assert {name.lower() for name in documented["headers"]} <= {
        *map(str.lower, answer.headers),
        *("x-should-retry", "www-authenticate"),  # of some codes of a status only
        *names(OPENAI),  # for keys with limits only, as the next
        *names(ANTHROPIC),
    }
    assert _fit(documented["content"], answer) == []
    return answer


def _multipart(body: dict[str, str]) -> dict[str, tuple[None, str]]:
    return {name: (None, value) for name, value in body.items()}


def _fit(content: dict[str, Any], answer: requests.Response) -> list[str]:
    media = content[answer.headers["content-type"].partition(";")[0]]
    if EVENT_SCHEMA not in media:
        return complaints(media["schema"], answer.json()) if "json" in answer.headers["content-type"] else []
    text = answer.content.decode()
    assert text.endswith("\n\n")
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    events = [orjson.loads(line) for line in data if line != "[DONE]"]
    assert events, "something is streamed"
    return [complaint for event in events for complaint in complaints(media[EVENT_SCHEMA], event)]


@pytest.mark.parametrize(("path", "method", "kind", "body"), tuple(_questions()))
def test_an_example_is_answered_as_documented(
    connect: Stack, path: str, method: str, kind: str | None, body: Any
) -> None:
    if body and "previous_response_id" in body:
        first = put(connect, path, method, kind, {"model": "kimi", "input": "And the first?"})
        body = {**body, "previous_response_id": first.json()["id"]}
    answer = put(connect, path, method, kind, body)
    assert answer.status_code == 200
    is_stream = bool(body and body.get("stream")) or path == "/chat/kimi"
    assert answer.headers["content-type"].startswith("text/event-stream") == is_stream


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"])
def test_errors_are_those_of_the_document(connect: Stack, path: str) -> None:
    body = {**HI, "prompt": "hi"} if path == "/v1/completions" else HI
    connect.simulator.fault("content_filter")
    refused = put(connect, path, "post", "application/json", body)
    connect.simulator.fault("error", reason="too_long", where="http", match={"endpoint": "chat"})
    long = put(connect, path, "post", "application/json", body)
    unknown = put(connect, path, "post", "application/json", {**body, "model": "nothing"})
    broken = put(connect, path, "post", "application/json", {**body, "model": 7})
    assert [answer.status_code for answer in (refused, long, unknown, broken)] == [400, 400, 404, 400]


def test_a_stream_that_fails_is_that_of_the_document(connect: Stack) -> None:
    for path, end in (
        ("/v1/chat/completions", '"error"'),
        ("/v1/responses", "response.failed"),
        ("/v1/messages", "error"),
    ):
        connect.simulator.fault("truncate", times=1)
        answer = put(connect, path, "post", "application/json", {**HI, "stream": True})
        assert answer.status_code == 200 and end in answer.text
