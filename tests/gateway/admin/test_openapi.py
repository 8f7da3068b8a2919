"""The API document and the operators' API are of one mind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import pytest

from gateway.admin.guard import is_below
from gateway.openapi import document
from gateway.openapi_admin_words import SESSION_ONLY
from tests.gateway.admin.desks import Office
from tests.gateway.fakes import answer
from tests.kimi.pool.pools import Pool, web

API: Final = document()
OF_OPERATORS: Final = {path: methods for path, methods in API["paths"].items() if is_below(path)}
STREAMS: Final = {"/admin/api/events"}  # see test_live.py


def _questions() -> Iterator[Any]:
    for path, methods in OF_OPERATORS.items():
        for method, operation in methods.items() if path not in STREAMS else ():
            bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {"examples": {"": {}}})
            for name, example in bodies["examples"].items():
                yield pytest.param(path, method, example.get("value"), id=f"{method} {path} {name}")


def test_every_endpoint_is_in_it_and_no_other(office: Office) -> None:
    rules = [rule for rule in office.house.app.url_map.iter_rules() if is_below(rule.rule)]
    served = {
        (re.sub(r"<\w+>", "{id}", rule.rule), method.lower())
        for rule in rules
        for method in rule.methods or ()
        if method not in {"HEAD", "OPTIONS"} and not rule.rule.startswith("/admin/static/")
    }
    assert served == {(path, method) for path, methods in OF_OPERATORS.items() for method in methods}


@pytest.mark.parametrize(("path", "method", "body"), tuple(_questions()))
def test_an_example_is_answered_as_documented(
    office: Office, pool: Pool, path: str, method: str, body: dict[str, Any] | None
) -> None:
    pool.fill(web("alice"))
    office.house.pool.will(*answer("Hello"))
    key = office.api("POST", "/keys", json={"name": "somebody"}).get_json()
    if path.endswith("/refresh"):  # nobody refreshes here: one that is paused says so at once
        office.api("POST", "/accounts/pause", json={"names": ["alice"]})
    operation = OF_OPERATORS[path][method]
    headers = {}
    if path == "/admin/api/session":
        office.sign_in()
        headers["x-csrf-token"] = office.csrf
        body = body and {"key": "admin-key"}
    reply = office.browser.open(
        path.replace("{id}", key["id"]),
        method=method.upper(),
        json=body,
        headers=headers or {"x-api-key": "admin-key"},
        query_string={
            each["name"]: each["example"] for each in operation.get("parameters", ()) if each["in"] == "query"
        },
    )
    documented = operation["responses"][str(reply.status_code)]
    assert reply.status_code < 300, reply.text
    assert documented["headers"].keys() <= {name.lower() for name, _ in reply.headers}
    if not documented["content"]:
        assert reply.data == b""
        return
    media = documented["content"][reply.mimetype]
    if reply.mimetype == "application/json":
        checker = jsonschema_rs.Draft202012Validator({**media["schema"], "components": API["components"]})
        assert [error.message for error in checker.iter_errors(reply.get_json())] == []


def test_the_key_opens_what_it_is_said_to_open(office: Office) -> None:
    for path, methods in OF_OPERATORS.items():
        for method, operation in methods.items() if path not in STREAMS else ():
            url, headers = path.replace("{id}", "x"), {"x-api-key": "admin-key"}
            reply = office.browser.open(url, method=method.upper(), json={}, headers=headers)
            needs_session = operation["security"] == SESSION_ONLY
            assert (reply.status_code == 401) == needs_session, (method, path)


def test_bodies_refuse_what_they_do_not_name(office: Office) -> None:
    bodies = [
        (path.removeprefix("/admin/api"), method, operation["requestBody"]["content"]["application/json"])
        for path, methods in OF_OPERATORS.items()
        for method, operation in methods.items()
        if "requestBody" in operation
    ]
    for path, method, body in bodies:
        for example in body["examples"].values():
            reply = office.api(method.upper(), path.replace("{id}", "x"), json={**example["value"], "surplus": 1})
            is_refused = reply.status_code == 400 and reply.get_json()["error"]["param"] == "surplus"
            assert is_refused == (body["schema"].get("additionalProperties") is False), (method, path)


@pytest.mark.parametrize(
    ("models", "holds"),
    [
        (["kimi", "k2*", "*"], True),
        (["x" * 100] * 100, True),
        (None, True),
        ([], False),
        (["k*i"], False),
        (["kimi**"], False),
        (["a b"], False),
        (["a,b"], False),
        ([""], False),
        (["x" * 101], False),
        (["kimi"] * 101, False),
    ],
)
def test_what_models_a_key_may_have_is_documented(office: Office, models: list[str] | None, holds: bool) -> None:
    made = office.api("POST", "/keys", json={"name": "somebody"}).get_json()
    path, body = "/admin/api/keys/{id}", {"limits": {"models": models}}
    schema = OF_OPERATORS[path]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    checker = jsonschema_rs.Draft202012Validator({**schema, "components": API["components"]})
    assert checker.is_valid(body) == holds
    assert office.api("PATCH", f"/keys/{made['id']}", json=body).status_code == (200 if holds else 400)


@pytest.mark.parametrize("path", OF_OPERATORS)
def test_without_the_key_the_answer_is_documented_too(office: Office, path: str) -> None:
    for method, operation in OF_OPERATORS[path].items():
        reply = office.browser.open(path.replace("{id}", "x"), method=method.upper(), json={})
        assert str(reply.status_code) in operation["responses"]
        assert (reply.status_code == 401) == bool(operation["security"])


@pytest.mark.parametrize(
    ("path", "method"),
    [("/admin/api/accounts/one", "get"), ("/admin/api/keys/{id}", "patch"), ("/admin/api/keys/{id}", "delete")],
)
def test_what_is_not_there_is_a_404_as_its_example_shows(office: Office, path: str, method: str) -> None:
    reply = office.api(method.upper(), path.removeprefix("/admin/api").replace("{id}", "x") + "?name=alice", json={})
    media = OF_OPERATORS[path][method]["responses"]["404"]["content"]["application/json"]
    names = [each["$ref"].rpartition("/")[2] for each in media["examples"].values()]
    assert reply.status_code == 404
    assert reply.get_json() in [API["components"]["examples"][name]["value"] for name in names]
