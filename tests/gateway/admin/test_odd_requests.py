"""Valid requests made odd, to every endpoint of the document: what comes back is as documented, and never a 500."""

from __future__ import annotations

from functools import cache
from typing import Final

import jsonschema_rs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from fuzz.mutations import Choose, as_text, broken, mutated
from fuzz.questions import Operation, operations
from gateway.openapi import document
from tests.gateway.admin.desks import ADMIN_KEY, Office
from tests.gateway.fakes import KEY, answer
from tests.kimi.pool.pools import Pool, web

API: Final = document()
APART: Final = {"/admin/api/events", "/admin/api/session"}
"""What never ends, and what is closed to everybody after a few wrong keys."""
OPERATIONS: Final = [one for one in operations(API) if one.path not in APART]
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


def test_what_is_odd_is_answered_as_documented(office: Office, pool: Pool) -> None:
    pool.fill(web("alice"))
    asking = office.house.app.test_client(use_cookies=False)

    @settings(max_examples=4 * settings().max_examples, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(OPERATIONS), st.data())
    def ask(operation: Operation, data: st.DataObject) -> None:
        choose = Choose(lambda options: data.draw(st.sampled_from(options)))
        office.house.pool.scripts[:] = [list(answer("Hello"))] * 3
        reply = asking.open(
            operation.path.replace("{id}", choose(("kimi", "..", "\0", "é", "a" * 300))),
            method=operation.method,
            data=content(operation, choose) if operation.method in ("POST", "PATCH") else None,
            query_string={name: choose(("", "-1", "\0", "é", "1e9", "hour")) for name in operation.queries},
            headers={
                "Authorization": f"Bearer {ADMIN_KEY if operation.path.startswith('/admin') else KEY}",
                "Content-Type": "application/json",
            },
            buffered=True,
        )
        check(operation, reply)

    ask()
