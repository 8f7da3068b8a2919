"""Valid requests made odd, to every endpoint of the document: what comes back is as documented, and never a 500."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from fuzz.mutations import Choose, Option, Path, as_text, broken, mutated, paths, replaced
from fuzz.questions import Operation, operations
from gateway.openapi import document
from tests.gateway.admin.desks import ADMIN_KEY, Office
from tests.gateway.fakes import KEY, answer
from tests.kimi.pool.pools import Pool, web

API: Final = document()
APART: Final = {"/admin/api/events", "/admin/api/session"}
"""What never ends, and what is closed to everybody after a few wrong keys."""
OPERATIONS: Final = [one for one in operations(API) if one.path not in APART]
CLOSED: Final = [
    one for one in operations(API) if API["paths"][one.path][one.method.lower()].get("security", API["security"])
]
ELSEWHERE: Final = {404, 405}
"""Where an odd id makes another path of one that is documented."""


def content(operation: Operation, choose: Choose) -> bytes:
    example = choose(operation.examples) if operation.examples else None
    for _ in range(choose((1, 1, 2, 4))):
        example = mutated(example, choose)
    return broken(as_text(example), choose) if choose((False,) * 4 + (True,)) else as_text(example)


def check(operation: Operation, reply: TestResponse) -> None:
    assert reply.status_code != 500, reply.text
    documented = API["paths"][operation.path][operation.method.lower()]["responses"]
    if str(reply.status_code) not in documented and "{id}" in operation.path:
        assert reply.status_code in ELSEWHERE
        return
    told = documented[str(reply.status_code)]["content"]
    if not told:
        assert reply.data == b""
        return
    assert reply.mimetype in told
    if reply.mimetype == "application/json":
        found = checker(operation.path, operation.method.lower(), str(reply.status_code))
        assert [error.message for error in found.iter_errors(reply.get_json())] == []


@cache
def checker(path: str, method: str, status: str) -> jsonschema_rs.Validator:
    schema = API["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return jsonschema_rs.Draft202012Validator({**schema, "components": API["components"]})


class Asking:
    """Sends bodies to a whole gateway, whose pool answers the same to everybody."""

    def __init__(self, office: Office, pool: Pool) -> None:
        pool.fill(web("alice"))
        self._scripts = office.house.pool.scripts
        self._client = office.house.app.test_client(use_cookies=False)

    def ask(
        self, operation: Operation, body: bytes | None, *, name: str = "kimi", query: Mapping[str, str] | None = None
    ) -> None:
        self._scripts[:] = [list(answer("Hello"))] * 3
        key = ADMIN_KEY if operation.path.startswith("/admin") else KEY
        reply = self._client.open(
            operation.path.replace("{id}", name),
            method=operation.method,
            data=body,
            query_string=query,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            buffered=True,
        )
        check(operation, reply)


@pytest.fixture
def asking(office: Office, pool: Pool) -> Asking:
    return Asking(office, pool)


def test_what_is_odd_is_answered_as_documented(asking: Asking) -> None:
    @settings(max_examples=2 * settings().max_examples, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(OPERATIONS), st.data())
    def ask(operation: Operation, data: st.DataObject) -> None:
        def choose(options: Sequence[Option], /) -> Option:
            return data.draw(st.sampled_from(options))

        asking.ask(
            operation,
            content(operation, choose) if operation.method in ("POST", "PATCH") else None,
            name=choose(("kimi", "..", "\0", "é", "a" * 300)),
            query={name: choose(("", "-1", "\0", "é", "1e9", "hour")) for name in operation.queries},
        )

    ask()


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.examples], ids=lambda one: one.path)
def test_every_field_may_hold_anything(asking: Asking, operation: Operation) -> None:
    for example, place in places(operation):
        for odd in (None, True, 7, -0.5, "\ud800", [None], {"type": None}):
            asking.ask(operation, as_text(replaced(example, place, odd)))


def places(operation: Operation) -> Iterator[tuple[Any, Path]]:
    """Every field of the examples once, in lists the first one, and those that are documented besides."""
    seen = set()
    for example in operation.examples:
        for place in paths(example):
            form = tuple(0 if isinstance(key, int) else key for key in place)
            if form not in seen:
                seen.add(form)
                yield example, place
    for name in operation.fields:
        if (name,) not in seen:
            yield {**operation.examples[0], name: None}, (name,)


def test_without_a_key_nothing_is_told(office: Office) -> None:
    client = office.house.app.test_client(use_cookies=False)
    for operation in CLOSED:
        body = as_text(operation.examples[0]) if operation.examples else None
        reply = client.open(operation.path.replace("{id}", "kimi"), method=operation.method, data=body)
        assert reply.status_code == 401, operation.path
