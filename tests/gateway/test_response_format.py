from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.schemas import MOST_BYTES
from gateway.surfaces.messages.request import as_chat
from gateway.surfaces.response_format import form
from kimi.chat import Form
from tests.gateway.fakes import AUTHORIZED, EVERYTHING, House

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def wished(**fields: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": fields}}


@pytest.mark.parametrize("body", [{}, {"response_format": None}, {"response_format": {"type": "text"}}])
def test_any_text_will_do(body: dict[str, Any]) -> None:
    assert form(body) is None


@pytest.mark.parametrize(
    "body", [{"response_format": {"type": "json_object"}}, wished(), wished(name="x", schema=None)]
)
def test_any_object_will_do(body: dict[str, Any]) -> None:
    assert form(body) == Form()


def test_what_fits_a_schema() -> None:
    assert form(wished(name="thing", schema=SCHEMA, strict=True)) == Form(SCHEMA, "thing")
    assert form(wished(schema=SCHEMA, strict="false")) == Form(SCHEMA)


def test_what_is_said_of_the_form_goes_with_its_schema() -> None:
    found = form(wished(schema=SCHEMA, description="A thing."))
    assert found is not None and found.schema == {"description": "A thing.", **SCHEMA}
    own = form(wished(schema={"description": "Mine."}, description="A thing."))
    assert own is not None and own.schema == {"description": "Mine."}


def test_what_is_said_of_the_form_counts_as_part_of_its_schema() -> None:
    with pytest.raises(BadRequest) as caught:
        form(wished(schema={"title": "x" * (MOST_BYTES // 2)}, description="y" * (MOST_BYTES // 2)))
    assert caught.value.param == "response_format.json_schema.schema"


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ("json_object", "response_format"),
        ({"type": "grammar"}, "response_format"),
        ({}, "response_format"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {"schema": []}}, "response_format.json_schema.schema"),
        (
            {"type": "json_schema", "json_schema": {"schema": {"properties": {"a": {"type": "?"}}}}},
            "response_format.json_schema.schema.properties.a.type",
        ),
    ],
)
def test_what_is_no_form(value: object, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        form({"response_format": value})
    assert caught.value.param == param


BROKEN = {"type": "json_schema", "name": "x", "schema": {"properties": {"a": {"type": "?"}}}}


def test_responses_tell_where_a_schema_is_broken_by_their_own_field() -> None:
    house = House()
    house.pool.known = replace(EVERYTHING, routes=frozenset({"kimi"}))
    body = {"model": "kimi", "input": "hi", "text": {"format": BROKEN}}
    error = house.client.post("/v1/responses", json=body, headers=AUTHORIZED).get_json()["error"]
    assert (error["code"], error["param"]) == ("invalid_schema", "text.format.schema.properties.a.type")


def test_messages_know_where_a_schema_is_broken_by_their_own_field() -> None:
    body = {"model": "kimi", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    question = as_chat({**body, "output_config": {"format": BROKEN}})
    with pytest.raises(BadRequest) as caught:
        form(question.body)
    assert question.places.of(caught.value.param or "") == "output_config.format.schema.properties.a.type"
