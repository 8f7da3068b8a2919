"""The API document, and the page that shows it."""

from __future__ import annotations

import gzip
import re
import shlex
from collections.abc import Iterator
from html import unescape
from typing import Any

import jsonschema_rs
import orjson
import pytest
from werkzeug.test import create_environ, run_wsgi_app

from gateway.openapi import as_bytes, document
from gateway.openapi_page import Page
from gateway.openapi_problems import ANYWHERE, PROBLEMS
from gateway.openapi_words import EVENT_SCHEMA
from gateway.problem import INTERNAL
from gateway.problems import TABLE
from kimi.pool import Summary
from tests.gateway.fakes import AUTHORIZED, House

API = document()
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, methods in API["paths"].items()
    for method, operation in methods.items()
]
OWN_FILES = {"/docs/style.css", "/docs/script.js"}


@pytest.fixture
def house() -> House:
    return House()


def media(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever can come or go as a body."""
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        yield from answer["content"].values()


def value_of(example: dict[str, Any]) -> Any:
    found = API["components"]["examples"][example["$ref"].rsplit("/", 1)[-1]] if "$ref" in example else example
    return found["value"]


def complaints(schema: dict[str, Any], value: Any) -> list[str]:
    checker = jsonschema_rs.Draft202012Validator({**schema, "components": API["components"]})
    return [f"{list(error.instance_path)}: {error.message}" for error in checker.iter_errors(value)]


def test_it_is_openapi() -> None:
    validator = pytest.importorskip("openapi_spec_validator", reason="it is installed on Linux only")
    validator.validate(orjson.loads(as_bytes()))


def test_it_names_every_route(house: House) -> None:
    paths = {re.sub(r"<path:name>", "{id}", rule.rule) for rule in house.app.url_map.iter_rules()}
    told = set(house.client.get("/openapi.json").get_json()["paths"])
    assert {path for path in told if not path.startswith("/admin")} == {
        path for path in paths - OWN_FILES if not path.startswith("/admin")
    }


def test_its_references_lead_somewhere() -> None:
    for kind in ("schemas", "examples", "headers", "responses"):
        named = set(re.findall(rf'"#/components/{kind}/([\w.-]+)"', as_bytes().decode()))
        assert named <= set(API["components"][kind])


@pytest.mark.parametrize(
    "asked",
    [{"json": {}}, {"data": b"{", "headers": AUTHORIZED}, {"json": {"model": "gpt-4"}, "headers": AUTHORIZED}],
    ids=["no key", "no JSON", "nothing in it"],
)
def test_it_tells_of_every_status(house: House, asked: dict[str, Any]) -> None:
    house.pool.known = Summary(1, frozenset({"kimi-classic"}))
    for path, operations in API["paths"].items():
        for method, operation in operations.items():
            for model in ("kimi", "kimi-k2-search-thinking", "nothing"):  # known, known but not served, unknown
                response = house.client.open(path.replace("{id}", model), method=method.upper(), **asked)
                assert str(response.status_code) in operation["responses"], (method, path, model)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/{id}"])
@pytest.mark.parametrize("asked", [AUTHORIZED, {}], ids=["with a key", "without"])
@pytest.mark.parametrize("version", [{}, {"anthropic-version": "2023-06-01"}], ids=["OpenAI's", "Anthropic's"])
@pytest.mark.parametrize("model", ["kimi", "nothing"])
def test_models_are_told_in_either_shape(
    house: House, path: str, asked: dict[str, str], version: dict[str, str], model: str
) -> None:
    response = house.client.get(path.replace("{id}", model), headers={**asked, **version})
    documented = API["paths"][path]["get"]["responses"][str(response.status_code)]
    assert complaints(documented["content"]["application/json"]["schema"], response.get_json()) == []


def test_it_has_every_error_with_an_example() -> None:
    used = {
        each["$ref"].rsplit("/", 1)[-1]
        for methods in API["paths"].values()
        for operation in methods.values()
        for each_media in media(operation)
        for each in each_media.get("examples", {}).values()
        if "$ref" in each
    }
    told = [API["components"]["examples"][name]["value"] for name in (*used, *ANYWHERE)]
    missing = {kind.__name__ for kind, problem in TABLE.items() if problem.body not in told}
    assert not missing and INTERNAL.body in told
    assert {name.removeprefix("Messages.") for name in used} <= set(PROBLEMS)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_endpoint_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert (
        operation["summary"]
        and operation["description"]
        and operation["tags"][0] in {tag["name"] for tag in API["tags"]}
    )
    assert all(parameter["description"] for parameter in operation.get("parameters", ()))
    assert all(each["examples"] for each in media(operation)), "each body has an example"
    if "security" not in operation:
        assert "401" in operation["responses"]
    for status, answer in operation["responses"].items():
        assert "x-request-id" in answer["headers"]
        assert ("Retry-After" in answer["headers"]) == (status in ("429", "503", "529") and path != "/readyz")
    assert all(row.says for row in _endpoint(path, method).fields), "each field is described"


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_examples_fit_their_schemas(path: str, method: str, operation: dict[str, Any]) -> None:
    for each in media(operation):
        for example in each["examples"].values():
            if "schema" in each:
                assert complaints(each["schema"], value_of(example)) == []
            elif EVENT_SCHEMA in each:
                data = re.findall(r"^data: (\{.*)$", value_of(example), re.MULTILINE)
                assert data
                assert [complaints(each[EVENT_SCHEMA], orjson.loads(line)) for line in data] == [[]] * len(data)
            else:
                assert value_of(example).startswith("data: "), (path, method)


def test_the_page_shows_all_of_it_and_loads_nothing_from_elsewhere(house: House) -> None:
    response = house.client.get("/docs")
    page = response.get_data(as_text=True)
    assert response.content_type == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; ")
    for path, methods in API["paths"].items():
        for method, operation in methods.items():
            assert f'<span class="method {method}">{method.upper()}</span> <code>{path}</code>' in page
            assert re.sub(r"`([^`]+)`", r"<code>\1</code>", operation["summary"]) in unescape(page)
    assert all(f'<tr id="error-{problem.code}">' in page for problem in TABLE.values())
    assert set(re.findall(r'(?:src|href)="([^"#]+)"', page)) == {"/docs/style.css", "/docs/script.js", "/openapi.json"}
    assert " style=" not in page and "<style" not in page and " onclick" not in page
    anchors = re.findall(r' id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)
    assert len(page.encode()) < 400_000


@pytest.mark.parametrize(("name", "kind"), [("style.css", "text/css"), ("script.js", "text/javascript")])
def test_its_files_come_from_here(house: House, name: str, kind: str) -> None:
    response = house.client.get(f"/docs/{name}")
    assert (response.status_code, response.content_type) == (200, f"{kind}; charset=utf-8")
    assert "http:" not in response.get_data(as_text=True) and "https:" not in response.get_data(as_text=True)


def test_its_commands_ask_this_gateway_what_the_examples_say(house: House) -> None:
    page = unescape(house.client.get("/docs", base_url="https://kimi.example:8443").get_data(as_text=True))
    commands = [shlex.split(command) for command in re.findall(r"<code>(curl .*?)</code>", page, re.DOTALL)]
    asked = [orjson.loads(words[words.index("-d") + 1]) for words in commands if "-d" in words]
    wanted = [
        value_of(example)
        for methods in API["paths"].values()
        for operation in methods.values()
        for kind, each in operation.get("requestBody", {}).get("content", {}).items()
        for example in each["examples"].values()
        if kind == "application/json"
    ]
    assert all(any(word.startswith("https://kimi.example:8443/") for word in words) for words in commands)
    assert sorted(map(orjson.dumps, asked)) == sorted(map(orjson.dumps, wanted))


def test_the_page_is_small_on_its_way(house: House) -> None:
    plain = house.client.get("/docs")
    packed = house.client.get("/docs", headers={"Accept-Encoding": "gzip, br"})
    refused = house.client.get("/docs", headers={"Accept-Encoding": "gzip;q=0"})
    endless = house.client.get("/docs", headers={"Accept-Encoding": "gzip," + "a;q=0," * 10_000})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in refused.headers
    assert gzip.decompress(packed.data) == plain.data == refused.data == endless.data
    assert len(packed.data) < 50_000
    assert {each.headers["vary"] for each in (plain, packed, refused)} == {"accept-encoding"}


def test_an_endless_host_makes_no_endless_page(house: House) -> None:
    page = house.client.get("/docs", headers={"Host": "a" * 60_000})
    assert len(page.data) <= len(house.client.get("/docs").data)


def test_a_question_that_was_shown_before_is_not_shown_again(house: House) -> None:
    page = house.client.get("/docs").get_data(as_text=True)
    same = re.findall(r'The request is that of <a href="#([^"]+)">', page)
    assert same == ["post-v1-chat-completions"]


@pytest.mark.parametrize("host", ["xn--0000", "xn--a.", "xn--a.xn--b:81"])
def test_a_host_that_stands_for_no_name_is_taken_as_it_is(house: House, host: str) -> None:
    # A client for tests would look for the name by itself.
    said, status, _ = run_wsgi_app(house.app, create_environ("/docs", headers={"Host": host}))
    assert status == "200 OK"
    assert f"curl http://{host}/v1/" in unescape(b"".join(said).decode())


def test_an_odd_host_is_no_part_of_the_page(house: House) -> None:
    page = house.client.get("/docs", headers={"Host": 'a"><script>'}).get_data(as_text=True)
    assert '"><script>' not in page


def _endpoint(path: str, method: str) -> Any:
    endpoints = [each for _, _, endpoints in Page(API).surfaces() for each in endpoints]
    return next(each for each in endpoints if (each.path, each.method) == (path, method.upper()))
